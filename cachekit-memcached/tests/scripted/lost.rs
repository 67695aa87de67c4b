//! What is left behind by a reply that is lost, foreign, or read by nobody.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Renewed, Ttl, Want};
use cachekit_memcached::{Client, Config, ErrorKind};

use super::peer::{Peer, Release};
use super::script::{Progress, Script};
use super::{LEAD, TTL, eventually, key};

async fn connected(peer: &Peer) -> Client {
    let client = Client::new(peer.config()).unwrap();
    client.get("warm-up").await.unwrap();
    client
}

#[tokio::test]
async fn a_server_that_answers_for_another_key_loses_its_connection_and_gives_no_wrong_value() {
    for (release, with) in [
        (
            Release::Installed,
            b"VA 5 O4000000000 t300 c7 f0\r\nother\r\n".as_slice(),
        ),
        (Release::V1_5_16, b"VALUE other 0 5\r\nother\r\nEND\r\n"),
    ] {
        let peer = Peer::of(release);
        let client = connected(&peer).await;
        peer.put(&key("k"), "own");
        let with = with.to_vec();
        peer.follow(Script::Splice {
            at: 0,
            with,
            without: 0,
        });
        match client.get("k").await {
            Ok(read) => assert_eq!(read.unwrap().data, "own", "asked again"),
            Err(error) => {
                let fits = [ErrorKind::Unavailable, ErrorKind::Protocol].contains(&error.kind());
                assert!(fits, "{error}");
            }
        }
        assert_eq!(client.get("k").await.unwrap().unwrap().data, "own");
        assert_eq!(peer.scene().progress().connections, 1, "a new one");
    }
}

#[tokio::test]
async fn a_read_that_is_given_up_in_the_middle_of_its_value_leaves_the_rest_to_nobody() {
    let peer = Peer::start();
    let client = connected(&peer).await;
    peer.put(&key("long"), &"x".repeat(5_000));
    peer.put(&key("k"), "own");
    peer.follow(Script::Hold(2_500));
    {
        let mut read = Box::pin(client.get("long"));
        let half = peer.scene().until(|progress| progress.done == 2_500);
        tokio::select! {
            outcome = &mut read => panic!("{outcome:?}"),
            () = half => {}
        }
        let _ = tokio::time::timeout(Duration::from_millis(5), &mut read).await;
    }
    let (read, ()) = tokio::join!(client.get("k"), async { peer.scene().go_on() });
    assert_eq!(read.unwrap().unwrap().data, "own");
    assert_eq!(peer.scene().progress().connections, 0, "the same one");
}

#[tokio::test]
async fn a_set_whose_reply_is_lost_leaves_what_was_set() {
    for release in [Release::Installed, Release::V1_5_16] {
        let peer = Peer::of(release);
        let client = connected(&peer).await;
        peer.put(&key("k"), "old");
        peer.follow(Script::Cut(0));
        if let Err(error) = client.set("k", "new", TTL).await {
            assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
        }
        assert_eq!(client.get("k").await.unwrap().unwrap().data, "new");
    }
}

#[tokio::test]
async fn a_counter_whose_reply_is_lost_is_ambiguous_and_has_counted_once() {
    for release in [Release::Installed, Release::V1_5_16] {
        let peer = Peer::of(release);
        let client = connected(&peer).await;
        peer.put(&key("n"), "41");
        for expected in ["42", "43"] {
            peer.follow(Script::Cut(0));
            let error = client.increment("n", 1).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
            assert_eq!(client.get("n").await.unwrap().unwrap().data, expected);
        }
    }
}

#[tokio::test]
async fn an_add_and_a_swap_whose_reply_is_lost_are_ambiguous_and_not_sent_again() {
    for release in [Release::Installed, Release::V1_5_16] {
        let peer = Peer::of(release);
        let client = connected(&peer).await;
        peer.follow(Script::Cut(0));
        let error = client.add("k", "added", TTL).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
        let read = client.get("k").await.unwrap().unwrap();
        assert_eq!(read.data, "added");
        peer.follow(Script::Cut(0));
        let error = client.cas("k", "swapped", TTL, read.cas).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
        assert_eq!(client.get("k").await.unwrap().unwrap().data, "swapped");
    }
}

#[tokio::test]
async fn a_reply_that_comes_late_does_not_answer_the_next_call_where_nothing_tells_them_apart() {
    let peer = Peer::of(Release::V1_5_16);
    let config = Config {
        timeout: Duration::from_millis(300),
        ..peer.config()
    };
    let client = Client::new(config).unwrap();
    peer.put(&key("a"), "41");
    peer.put(&key("b"), "7");
    client.get("warm-up").await.unwrap();
    peer.follow(Script::Hold(0));
    let error = client.increment("a", 1).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Ambiguous, "{error}");
    // Its 42 is still to come.
    let second = client.increment("b", 1);
    let (second, ()) = tokio::join!(second, async { peer.scene().go_on() });
    assert!(matches!(second, Ok(Some(8)) | Err(_)), "{second:?}");
    assert_eq!(client.get("b").await.unwrap().unwrap().data, "8");
}

/// What was asked that begins with `words`, and over which connection: all in their order.
fn asked(progress: &Progress, words: &str) -> Vec<u32> {
    let asked = progress.asked.iter();
    let with = asked.filter(|(_, asked)| asked.starts_with(words.as_bytes()));
    with.map(|(connection, _)| *connection).collect()
}

#[tokio::test]
async fn an_entry_is_removed_again_where_the_end_of_its_lease_did_not_arrive_before() {
    let peer = Peer::of(Release::V1_5_16);
    let backend = peer.backend();
    let (key, large) = (key("k"), Bytes::from(vec![b'x'; 100_000]));
    // Its requests have a connection of their own, and those of its lease do not.
    let first = peer.scene().next();
    eventually(|| async {
        backend.set(&key, large.clone(), TTL, None).await.unwrap();
        let connections = asked(&peer.scene().progress(), "set k ");
        connections
            .last()
            .is_some_and(|&last| last > first)
            .then_some(())
    })
    .await;
    peer.follow(Script::Cut(0));
    backend.remove(&key).await.unwrap();
    let asked = peer.scene().progress().asked;
    let of = |begin: &str| {
        let is = |(_, asked): &(u32, Vec<u8>)| asked.starts_with(begin.as_bytes());
        asked.iter().rposition(is).unwrap()
    };
    assert!(
        of("delete k…") < of("delete k\r\n"),
        "the lease comes first"
    );
}

#[tokio::test]
async fn what_is_found_after_a_lease_was_taken_is_read_whatever_becomes_of_the_lease() {
    let peer = Peer::of(Release::V1_5_16);
    let (backend, key) = (peer.backend(), key("k"));
    backend.get(&key, Want::Value).await.unwrap();
    peer.follow(Script::Hold("END\r\n".len()));
    let reading = backend.get(&key, LEAD);
    let written = async {
        let leased = |progress: &Progress| !asked(progress, "add k…").is_empty();
        peer.scene().until(leased).await;
        peer.put(&key, "own");
        let cas = peer.cas(&key).unwrap();
        let replies = format!("STORED\r\nVALUE k 0 3 {cas}\r\nown\r\nEND\r\n");
        peer.follow(Script::Cut(replies.len()));
    };
    let (lookup, ()) = tokio::join!(reading, written);
    assert_eq!(lookup.unwrap().found.unwrap().value, "own");
}

#[tokio::test]
async fn a_renewal_that_comes_after_another_write_leaves_it_the_time_that_it_had() {
    let peer = Peer::start();
    let (backend, key) = (peer.backend(), key("k"));
    let token = backend.get(&key, LEAD).await.unwrap().lead.token().unwrap();
    peer.follow(Script::Hold(0));
    let renewing = backend.renew(&key, &token, Ttl::from_secs(30));
    let written = async {
        let looked = |progress: &Progress| !progress.said.is_empty();
        peer.scene().until(looked).await;
        peer.put(&key, "other");
        peer.scene().go_on();
    };
    let (renewed, ()) = tokio::join!(renewing, written);
    assert_eq!(renewed.unwrap(), Renewed::Lost);
    let found = backend.get(&key, Want::Value).await.unwrap().found;
    assert!(found.unwrap().left.unwrap() > Ttl::from_secs(290).duration());
}
