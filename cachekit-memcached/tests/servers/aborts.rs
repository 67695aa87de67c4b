//! Callers that go away before they have what they asked for.

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, Want};
use cachekit_memcached::testkit::Server;

use super::leases::{fleets, leased, read};
use super::{LEAD, TTL, backend, eventually, key, polled, set, value};

#[tokio::test]
async fn a_call_that_is_never_polled_sends_nothing() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    drop(backend.get(&key("k"), LEAD));
    drop(backend.set(&key("k"), Bytes::from_static(b"v"), TTL, None));
    assert_eq!(servers[0].stat("cmd_set"), 0);
    assert_eq!(
        backend.get(&key("k"), Want::Value).await.unwrap().found,
        None
    );
}

#[tokio::test]
async fn a_lead_goes_to_the_next_reader_wherever_the_first_one_stops() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    for polls in 0..8 {
        let key = key(format_args!("led:{polls}"));
        if polled(polls, backend.get(&key, LEAD)).await {
            backend.remove(&key).await.unwrap();
        }
        eventually(|| async {
            matches!(backend.get(&key, LEAD).await.unwrap().lead, Lead::Mine(_)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn a_reader_that_goes_away_at_any_moment_leaves_no_lease_behind() {
    for (_server, one, _) in fleets() {
        set(&one, &key("connected"), "v").await;
        for polls in 0..40 {
            let key = key(polls);
            let ended = polled(polls, one.get(&key, LEAD)).await;
            if !ended {
                leased(read(&one, &key).await);
            }
        }
    }
}

#[tokio::test]
async fn a_reader_of_many_that_goes_away_leaves_none_of_the_leases_behind_that_it_has_by_then() {
    for (_server, one, other) in fleets() {
        for polls in 0.. {
            // More than are taken at once.
            let keys: Vec<_> = (0..300)
                .map(|number| key(format_args!("{polls}:{number}")))
                .collect();
            if polled(polls, one.get_many(&keys, LEAD)).await {
                break;
            }
            // It delivers what it owes before it reads anything.
            read(&one, &key("connected")).await;
            for lookup in other.get_many(&keys, LEAD).await {
                leased(lookup.unwrap());
            }
        }
    }
}

#[tokio::test]
async fn what_was_written_by_one_who_goes_away_before_the_second_look_is_taken_back() {
    for (_server, one, other) in fleets() {
        let (mut taken_back, mut tried) = (0, 0);
        // Where the server is slow, its answer comes after more polls.
        while tried < 40 || (taken_back == 0 && tried < 4_000) {
            let (key, polls) = (key(tried), tried % 200);
            tried += 1;
            let token = leased(read(&one, &key).await);
            let v = Bytes::from_static(b"v");
            let ended = polled(polls, one.set(&key, v, TTL, Some(&token))).await;
            let written = value(&other, &key).await.is_some();
            let stays = value(&one, &key).await.is_some();
            assert!(stays || !ended);
            taken_back += u32::from(written && !stays);
        }
        assert!(taken_back > 0);
    }
}
