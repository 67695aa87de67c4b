//! Replies that come twice, late, never, to the wrong question, or that are none.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Want};
use cachekit_core::error::ErrorKind;
use cachekit_memcached::{Config, Memcached};
use tokio::time::Instant;

use super::calls::{CALLS, Call, Ready};
use super::honest::{Honest, assert_next_is_right};
use super::peer::Peer;
use super::script::Script;
use super::{DEADLINE, TTL, eventually, key};

/// Of calls that wait for a reply that does not come: the shortest there is.
const TIMEOUT: Duration = Duration::from_millis(100);
/// For how long a busy machine may not run a test: less than what a connection is waited for.
const SLOW: Duration = Duration::from_secs(10);

fn impatient(peer: &Peer) -> Config {
    Config {
        timeout: TIMEOUT,
        ..peer.config()
    }
}

/// Replies to a read of a key that no call asks for.
const FOREIGN: [&[u8]; 2] = [
    b"VA 7 O4000000000 t300 c7 f0\r\nforeign\r\n",
    b"VALUE foreign 0 7\r\nforeign\r\nEND\r\n",
];

#[tokio::test]
async fn a_reply_to_another_question_is_never_taken() {
    let peer = Peer::start();
    for call in CALLS {
        let expected = Honest::of(&peer, call).await;
        let instead = [0, expected.said.len()];
        let cases = FOREIGN
            .iter()
            .flat_map(|with| instead.map(|without| (with.to_vec(), without)));
        for (with, without) in cases {
            let ready = Ready::on(&peer, peer.config(), call).await;
            peer.follow(Script::Splice {
                at: 0,
                with,
                without,
            });
            let outcome = (call.make)(&ready).await;
            expected.assert_right_or_failed(&outcome, &call.to_string());
            assert_next_is_right(&peer, &ready, &call.to_string()).await;
        }
    }
}

#[tokio::test]
async fn a_reply_that_comes_twice_is_taken_once() {
    let peer = Peer::start();
    for call in CALLS {
        let expected = Honest::of(&peer, call).await;
        let ready = Ready::on(&peer, peer.config(), call).await;
        peer.follow(Script::Splice {
            at: expected.said.len(),
            with: expected.said.clone(),
            without: 0,
        });
        let outcome = (call.make)(&ready).await;
        expected.assert_right_or_failed(&outcome, &call.to_string());
        assert_next_is_right(&peer, &ready, &call.to_string()).await;
    }
}

#[tokio::test]
async fn a_reply_that_never_comes_is_an_error_in_time_and_the_next_call_is_right() {
    let peer = Peer::start();
    for call in CALLS {
        let expected = Honest::of(&peer, call).await;
        let ready = Ready::on(&peer, impatient(&peer), call).await;
        peer.follow(Script::Splice {
            at: 0,
            with: Vec::new(),
            without: expected.said.len(),
        });
        let began = Instant::now();
        let outcome = (call.make)(&ready).await;
        assert!(began.elapsed() < DEADLINE, "{call}");
        expected.assert_right_or_failed(&outcome, &call.to_string());
        assert!(outcome.iter().any(Result::is_err), "{call}");
        assert_next_is_right(&peer, &ready, &call.to_string()).await;
    }
}

#[tokio::test]
async fn a_reply_that_comes_too_late_is_nobodys() {
    let peer = Peer::start();
    for call in CALLS {
        let expected = Honest::of(&peer, call).await;
        for at in [0, 3, expected.said.len() / 2, expected.said.len() - 1] {
            let ready = Ready::on(&peer, impatient(&peer), call).await;
            peer.follow(Script::Hold(at));
            let outcome = (call.make)(&ready).await;
            expected.assert_right_or_failed(&outcome, &call.to_string());
            assert!(outcome.iter().any(Result::is_err), "{call} at {at}");
            peer.scene().go_on();
            assert_next_is_right(&peer, &ready, &call.to_string()).await;
        }
    }
}

#[tokio::test]
async fn what_is_no_reply_is_never_taken_for_one_wherever_it_stands() {
    let peer = Peer::start();
    let others: [&[u8]; 3] = [
        b"\0\r\n\xff",
        b"SERVER_ERROR out of memory\r\n",
        b"CLIENT_ERROR bad\r\n",
    ];
    for call in CALLS {
        let expected = Honest::of(&peer, call).await;
        for (place, at) in expected.places_in_lines().into_iter().enumerate() {
            let with = others[place % others.len()];
            let case = format!("{call} at {at}");
            let ready = Ready::on(&peer, peer.config(), call).await;
            let with = with.to_vec();
            peer.follow(Script::Splice {
                at,
                with,
                without: 0,
            });
            let outcome = (call.make)(&ready).await;
            expected.assert_right_or_failed(&outcome, &case);
            assert_next_is_right(&peer, &ready, &case).await;
        }
    }
}

#[tokio::test]
async fn an_error_of_the_server_is_the_error_of_the_call() {
    let peer = Peer::start();
    let cases: [(&[u8], ErrorKind); 4] = [
        (
            b"SERVER_ERROR out of memory storing object\r\n",
            ErrorKind::Rejected,
        ),
        (
            b"SERVER_ERROR object too large for cache\r\n",
            ErrorKind::TooLarge,
        ),
        (
            b"CLIENT_ERROR bad command line format\r\n",
            ErrorKind::Protocol,
        ),
        (b"ERROR\r\n", ErrorKind::Protocol),
    ];
    for (with, kind) in cases {
        let one_reply = |call: &&Call| ["get", "set", "renew"].contains(&call.name);
        for call in CALLS.iter().filter(one_reply) {
            let expected = Honest::of(&peer, call).await;
            let end = expected
                .said
                .iter()
                .position(|&byte| byte == b'\n')
                .unwrap()
                + 1;
            let without = if call.name == "get" {
                expected.said.len()
            } else {
                end
            };
            let ready = Ready::on(&peer, peer.config(), call).await;
            peer.follow(Script::Splice {
                at: 0,
                with: with.to_vec(),
                without,
            });
            let error = (call.make)(&ready).await.swap_remove(0).unwrap_err();
            assert_eq!(error.kind(), kind, "{call}: {error}");
            assert_next_is_right(&peer, &ready, &call.to_string()).await;
        }
    }
}

#[tokio::test]
async fn a_server_that_turns_away_is_overloaded_until_it_does_not() {
    let peer = Peer::start();
    peer.follow(Script::TurnAway("ERROR Too many open connections\r\n"));
    let backend = peer.backend();
    let error = backend.get(&key("k"), Want::Value).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded);
    peer.follow(Script::Honest);
    eventually(|| async { backend.get(&key("k"), Want::Value).await.ok() }).await;
}

#[tokio::test]
async fn a_peer_that_accepts_and_never_answers_costs_every_call_one_timeout() {
    let peer = Peer::start();
    peer.follow(Script::Hold(0));
    let backend = Memcached::new(impatient(&peer)).unwrap();
    let began = Instant::now();
    for _ in 0..3 {
        let error = backend.get(&key("k"), Want::Value).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Timeout);
    }
    assert!(
        began.elapsed() < 3 * TIMEOUT + SLOW,
        "{:?}",
        began.elapsed()
    );
    peer.scene().go_on();
    eventually(|| async { backend.get(&key("k"), Want::Value).await.ok() }).await;
}

#[tokio::test]
async fn a_peer_that_stops_reading_costs_every_call_one_timeout() {
    let peer = Peer::start();
    let backend = Memcached::new(impatient(&peer)).unwrap();
    eventually(|| async { backend.get(&key("k"), Want::Value).await.ok() }).await;
    peer.follow(Script::Deaf);
    let began = Instant::now();
    let value = Bytes::from(vec![b'x'; 10_000_000]);
    for _ in 0..3 {
        let outcome = backend.set(&key("k"), value.clone(), TTL, None).await;
        let kind = outcome.unwrap_err().kind();
        assert!(
            matches!(kind, ErrorKind::Ambiguous | ErrorKind::Timeout),
            "{kind:?}"
        );
    }
    assert!(
        began.elapsed() < 3 * TIMEOUT + SLOW,
        "{:?}",
        began.elapsed()
    );
    peer.scene().go_on();
    eventually(|| async { backend.get(&key("k"), Want::Value).await.ok() }).await;
}
