//! Replies that end, or stop for a while, at any byte.

use super::calls::{CALLS, Call, Ready};
use super::honest::{Honest, assert_next_is_right, undone};
use super::peer::{Peer, Release};
use super::script::Script;

/// The calls that a release answers in its own way.
fn calls_of(release: Release) -> impl Iterator<Item = &'static Call> {
    let differs = move |call: &&Call| match release {
        Release::Installed => true,
        Release::V1_6_15 => call.name.starts_with("get"),
        Release::V1_5_16 => call.is_classic(),
    };
    CALLS.iter().filter(differs)
}

async fn a_reply_that_stops_anywhere_and_goes_on_later_is_whole(release: Release) {
    let peer = Peer::of(release);
    for call in calls_of(release) {
        let expected = Honest::of(&peer, call).await;
        let right: Vec<_> = expected.outcome.iter().flatten().collect();
        for at in expected.places().filter(|&at| at < expected.said.len()) {
            let ready = Ready::on(&peer, peer.config(), call).await;
            peer.follow(Script::Hold(at));
            let held = async {
                let held = peer.scene().is_there(|p| p.done == at && p.said.len() > at);
                let held = held.await;
                peer.scene().go_on();
                held
            };
            let (outcome, held) = tokio::join!((call.make)(&ready), held);
            assert!(held, "{call} at {at}: {outcome:?}, {:?}", peer.scene());
            let outcome: Vec<_> = outcome.iter().flatten().collect();
            assert_eq!(outcome, right, "{call} at {at}");
            assert_eq!(ready.lost(&peer), 0, "{call} at {at}");
        }
    }
}

async fn a_reply_that_ends_anywhere_is_an_error_or_asked_for_again(release: Release) {
    let peer = Peer::of(release);
    for call in calls_of(release) {
        let expected = Honest::of(&peer, call).await;
        for at in expected.places() {
            let case = format!("{call} at {at}");
            let ready = Ready::on(&peer, peer.config(), call).await;
            let before = ready.versions(&peer);
            peer.follow(Script::Cut(at));
            let outcome = (call.make)(&ready).await;
            expected.assert_right_or_failed(&outcome, &case);
            if outcome
                .iter()
                .all(|o| o.as_ref().is_err_and(|e| undone(e.kind())))
            {
                assert_eq!(ready.versions(&peer), before, "{case}: {outcome:?}");
            }
            assert_next_is_right(&peer, &ready, &case).await;
        }
    }
}

#[tokio::test]
async fn a_reply_that_stops_anywhere_and_goes_on_later_is_whole_on_1_6_18() {
    a_reply_that_stops_anywhere_and_goes_on_later_is_whole(Release::Installed).await;
}

#[tokio::test]
async fn a_reply_that_stops_anywhere_and_goes_on_later_is_whole_on_1_6_15() {
    a_reply_that_stops_anywhere_and_goes_on_later_is_whole(Release::V1_6_15).await;
}

#[tokio::test]
async fn a_reply_that_ends_anywhere_is_an_error_or_asked_for_again_on_1_6_18() {
    a_reply_that_ends_anywhere_is_an_error_or_asked_for_again(Release::Installed).await;
}

#[tokio::test]
async fn a_reply_that_ends_anywhere_is_an_error_or_asked_for_again_on_1_6_15() {
    a_reply_that_ends_anywhere_is_an_error_or_asked_for_again(Release::V1_6_15).await;
}

#[tokio::test]
async fn a_reply_that_stops_anywhere_and_goes_on_later_is_whole_on_1_5_16() {
    a_reply_that_stops_anywhere_and_goes_on_later_is_whole(Release::V1_5_16).await;
}

#[tokio::test]
async fn a_reply_that_ends_anywhere_is_an_error_or_asked_for_again_on_1_5_16() {
    a_reply_that_ends_anywhere_is_an_error_or_asked_for_again(Release::V1_5_16).await;
}
