//! What a call comes to where nothing goes wrong, and what may come of it where something does.

use cachekit_core::error::ErrorKind;

use super::calls::{Call, Outcome, Ready, body};
use super::key;
use super::peer::Peer;
use super::script::Script;

/// What a call comes to, and what the server says, where nothing goes wrong.
pub(crate) struct Honest {
    pub(crate) outcome: Outcome,
    pub(crate) said: Vec<u8>,
}

impl Honest {
    pub(crate) async fn of(peer: &Peer, call: &Call) -> Self {
        let ready = Ready::on(peer, peer.config(), call).await;
        peer.follow(Script::Honest);
        let outcome = (call.make)(&ready).await;
        assert!(outcome.iter().all(Result::is_ok), "{outcome:?}");
        let said = peer.scene().progress().said;
        Self { outcome, said }
    }

    /// Where to disturb the reply: at every byte of a short one; at the ends of a long one, and
    /// here and there between. The last place is behind it.
    pub(crate) fn places(&self) -> impl Iterator<Item = usize> + use<> {
        const ENDS: usize = 45;
        let length = self.said.len();
        (0..=length).filter(move |&at| at < ENDS || length - at < ENDS || at % 50_021 == 0)
    }

    /// Every byte that is none of a value: within a value, anything may stand.
    pub(crate) fn places_in_lines(&self) -> Vec<usize> {
        let (mut places, mut at) = (Vec::new(), 0);
        while let Some(end) = self.said[at..].iter().position(|&byte| byte == b'\n') {
            let line = std::str::from_utf8(&self.said[at..at + end]).unwrap();
            places.extend(at..=at + end);
            at += end + 1 + value_after(line);
        }
        places
    }

    /// Each key has what it should have, or an error that tells how it is.
    pub(crate) fn assert_right_or_failed(&self, outcome: &Outcome, case: &str) {
        assert_eq!(outcome.len(), self.outcome.len(), "{case}");
        for (outcome, expected) in outcome.iter().zip(&self.outcome) {
            match (outcome, expected) {
                (Ok(outcome), Ok(expected)) => assert_eq!(outcome, expected, "{case}"),
                (Err(error), _) => assert!(of_a_peer(error.kind()), "{case}: {error}"),
                (Ok(_), Err(_)) => unreachable!("nothing goes wrong there"),
            }
        }
    }
}

/// How long the value behind this line is, its own line end included.
fn value_after(line: &str) -> usize {
    let words: Vec<&str> = line.split_ascii_whitespace().collect();
    match words[..] {
        ["VA", length, ..] | ["VALUE", _, _, length, ..] => length.parse::<usize>().unwrap() + 2,
        _ => 0,
    }
}

/// Whether this is what a peer does to a call, and no fault of the call's.
fn of_a_peer(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unavailable
            | ErrorKind::Timeout
            | ErrorKind::Ambiguous
            | ErrorKind::Pending
            | ErrorKind::Rejected
            | ErrorKind::Protocol
    )
}

/// Whether an error of this kind promises that nothing was done.
pub(crate) fn undone(kind: ErrorKind) -> bool {
    matches!(
        kind,
        ErrorKind::Unavailable | ErrorKind::Timeout | ErrorKind::Overloaded
    )
}

/// The next call gets what is there.
pub(crate) async fn assert_next_is_right(peer: &Peer, ready: &Ready, case: &str) {
    let other = key("other");
    let value = body(&other, 30);
    peer.put(&other, std::str::from_utf8(&value).unwrap());
    assert_eq!(ready.next(&other).await, "30 bytes", "{case}");
}
