//! Replies that end, or stop for a while, at any byte.

use super::calls::{CALLS, Ready};
use super::honest::{Honest, assert_next_is_right, undone};
use super::peer::{Peer, Release};
use super::script::Script;

async fn a_reply_that_stops_anywhere_and_goes_on_later_is_whole(release: Release) {
    let peer = Peer::of(release);
    for &(name, make) in CALLS {
        let expected = Honest::of(&peer, make).await;
        let right: Vec<_> = expected.outcome.iter().flatten().collect();
        for at in expected.places().filter(|&at| at < expected.said.len()) {
            let ready = Ready::on(&peer, peer.backend()).await;
            peer.follow(Script::Hold(at));
            let held = async {
                peer.scene()
                    .until(|p| p.done == at && p.said.len() > at)
                    .await;
                peer.scene().go_on();
            };
            let (outcome, ()) = tokio::join!(make(&ready), held);
            let outcome: Vec<_> = outcome.iter().flatten().collect();
            assert_eq!(outcome, right, "{name} at {at}");
            assert_eq!(peer.scene().progress().connections, 0, "{name} at {at}");
        }
    }
}

async fn a_reply_that_ends_anywhere_is_an_error_or_asked_for_again(release: Release) {
    let peer = Peer::of(release);
    for &(name, make) in CALLS {
        let expected = Honest::of(&peer, make).await;
        for at in expected.places() {
            let case = format!("{name} at {at}");
            let ready = Ready::on(&peer, peer.backend()).await;
            let before = ready.held_by(&peer);
            peer.follow(Script::Cut(at));
            let outcome = make(&ready).await;
            expected.assert_right_or_failed(&outcome, &case);
            if outcome
                .iter()
                .all(|o| o.as_ref().is_err_and(|e| undone(e.kind())))
            {
                assert_eq!(ready.held_by(&peer), before, "{case}: {outcome:?}");
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
