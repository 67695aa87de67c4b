//! Leads of readers that never come back: the next one takes them over within its read.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{
    Backend as _, Lead, Lookup, NewEntry, Reason, Stored, Token, Ttl, Want,
};
use cachekit_core::key::StoreKey;
use cachekit_memcached::Memcached;
use cachekit_memcached::testkit::Server;
use tokio::time::Instant;

use super::{
    RENEWED, SLOW, TTL, backend, eventually, eventually_in_time, fill, filled_after, found, key,
    polled, set, value,
};

/// Long enough for a busy machine to be nowhere near its end: [`pass`] makes it short.
const HOLD: Ttl = Ttl::from_secs(60);
/// The least that a lead can be held for.
const SHORT: Ttl = Ttl::from_secs(2);
/// Longer than any entry of a test lives: each is about to end.
const ALWAYS: Duration = Duration::from_secs(3_600);

const fn lead(early: Duration, patience: Duration) -> Want {
    Want::Lead {
        hold: HOLD,
        early,
        patience,
    }
}

const STALE: Want = lead(Duration::ZERO, Duration::ZERO);
const EARLY: Want = lead(ALWAYS, Duration::ZERO);
const BRIEF: Want = Want::Lead {
    hold: SHORT,
    early: Duration::ZERO,
    patience: Duration::ZERO,
};

async fn read(backend: &Memcached, key: &StoreKey, want: Want) -> Lookup {
    backend.get(key, want).await.unwrap()
}

fn mine(lookup: Lookup) -> Token {
    match lookup.lead {
        Lead::Mine(token) => token,
        other => panic!("{other:?}"),
    }
}

/// Moves the clock of this process on, while nothing is on its way.
async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    tokio::time::resume();
}

/// An entry that `backend` marked as stale, or that is about to end, and the lead of one who has died
/// since.
async fn deserted(backend: &Memcached, key: &StoreKey, want: Want) -> Token {
    set(backend, key, "old").await;
    if want == STALE {
        backend.expire(key).await.unwrap();
    }
    mine(read(backend, key, want).await)
}

#[tokio::test]
async fn the_lead_over_a_stale_entry_is_taken_over_within_one_read_and_the_entry_served_until_then()
{
    let servers = [Server::start()];
    let (dead, alive) = (backend(&servers), backend(&servers));
    deserted(&dead, &key("k"), STALE).await;
    let waits = read(&alive, &key("k"), STALE).await;
    assert!(
        waits
            .found
            .is_some_and(|found| found.stale && found.value == "old")
    );
    assert_eq!((waits.lead, waits.taken_over), (Lead::Other, false));
    pass(HOLD.duration() / 2).await;
    assert_eq!(read(&alive, &key("k"), STALE).await.lead, Lead::Other);
    // Up to a tenth more than its hold.
    pass(HOLD.duration() * 6 / 10).await;
    let taken = read(&alive, &key("k"), STALE).await;
    assert!(taken.taken_over);
    assert!(
        taken
            .found
            .as_ref()
            .is_some_and(|found| found.stale && found.value == "old")
    );
    let stored = fill(&alive, &key("k"), "new", &mine(taken)).await;
    assert_eq!(stored, Stored::Stored);
}

#[tokio::test]
async fn the_lead_over_an_entry_that_ends_early_is_taken_over_and_the_entry_stays_fresh() {
    let servers = [Server::start()];
    let (dead, alive) = (backend(&servers), backend(&servers));
    deserted(&dead, &key("k"), EARLY).await;
    assert_eq!(read(&alive, &key("k"), EARLY).await.lead, Lead::Other);
    pass(2 * HOLD.duration()).await;
    let taken = read(&alive, &key("k"), EARLY).await;
    assert!(taken.taken_over);
    assert!(
        taken
            .found
            .as_ref()
            .is_some_and(|found| !found.stale && found.value == "old")
    );
    let stored = fill(&alive, &key("k"), "new", &mine(taken)).await;
    assert_eq!(stored, Stored::Stored);
}

#[tokio::test]
async fn of_two_who_take_a_lead_over_at_once_one_has_it() {
    for want in [STALE, EARLY] {
        let servers = [Server::start()];
        let fleet = [backend(&servers), backend(&servers), backend(&servers)];
        deserted(&fleet[0], &key("k"), want).await;
        for alive in &fleet[1..] {
            assert_eq!(read(alive, &key("k"), want).await.lead, Lead::Other);
        }
        pass(2 * HOLD.duration()).await;
        let (key, one, other) = (key("k"), &fleet[1], &fleet[2]);
        let (one, other) = tokio::join!(read(one, &key, want), read(other, &key, want));
        let (won, lost) = if one.taken_over {
            (one, other)
        } else {
            (other, one)
        };
        assert!(won.taken_over && !lost.taken_over);
        assert_eq!(lost.lead, Lead::Other);
        assert_eq!(
            fill(&fleet[1], &key, "new", &mine(won)).await,
            Stored::Stored
        );
    }
}

#[tokio::test]
async fn the_late_fill_of_one_who_was_replaced_is_rejected_and_the_newer_value_is_fresh() {
    for want in [STALE, EARLY] {
        let servers = [Server::start()];
        let (slow, alive) = (backend(&servers), backend(&servers));
        let late = deserted(&slow, &key("k"), want).await;
        read(&alive, &key("k"), want).await;
        pass(2 * HOLD.duration()).await;
        let token = mine(read(&alive, &key("k"), want).await);
        let overtaken = Stored::Superseded(Reason::Overtaken);
        // Before the newer value is there, and after.
        assert_eq!(fill(&slow, &key("k"), "late", &late).await, overtaken);
        assert_eq!(fill(&alive, &key("k"), "new", &token).await, Stored::Stored);
        assert_eq!(fill(&slow, &key("k"), "late", &late).await, overtaken);
        slow.release(&key("k"), &late).await.unwrap();
        let found = found(&alive, &key("k")).await.unwrap();
        assert_eq!((&*found.value, found.stale), (&b"new"[..], false));
    }
}

#[tokio::test]
async fn who_computes_for_long_is_waited_for_as_long_as_the_readers_say() {
    let servers = [Server::start()];
    let (slow, alive) = (backend(&servers), backend(&servers));
    let patient = lead(Duration::ZERO, 6 * HOLD.duration());
    let token = deserted(&slow, &key("k"), STALE).await;
    read(&alive, &key("k"), patient).await;
    pass(5 * HOLD.duration()).await;
    assert_eq!(read(&alive, &key("k"), patient).await.lead, Lead::Other);
    assert_eq!(fill(&slow, &key("k"), "new", &token).await, Stored::Stored);
}

#[tokio::test]
async fn many_leads_are_taken_over_at_once() {
    let servers = [Server::start(), Server::start()];
    let (dead, alive) = (backend(&servers), backend(&servers));
    let keys: Vec<StoreKey> = (0..300).map(key).collect();
    for key in &keys {
        set(&dead, key, "old").await;
    }
    for expired in dead.expire_many(&keys[..150]).await {
        expired.unwrap();
    }
    for lookup in dead.get_many(&keys, EARLY).await {
        mine(lookup.unwrap());
    }
    for lookup in alive.get_many(&keys, EARLY).await {
        assert_eq!(lookup.unwrap().lead, Lead::Other);
    }
    pass(2 * HOLD.duration()).await;
    let entry = |(key, lookup): (&StoreKey, Lookup)| {
        assert!(lookup.taken_over);
        NewEntry {
            key: key.clone(),
            value: Bytes::from_static(b"new"),
            ttl: TTL,
            lead: Some(mine(lookup)),
        }
    };
    let taken = alive.get_many(&keys, EARLY).await.into_iter();
    let taken = taken.map(Result::unwrap);
    let entries = keys.iter().zip(taken).map(entry).collect();
    for stored in alive.set_many(entries).await {
        assert_eq!(stored.unwrap(), Stored::Stored);
    }
}

#[tokio::test]
async fn who_goes_away_while_one_lead_is_taken_over_keeps_none_of_those_that_were_given_before() {
    let servers = [Server::start()];
    let (dead, alive) = (backend(&servers), backend(&servers));
    let mut polls = 0;
    loop {
        let keys = [key(format_args!("dead:{polls}")), key(polls)];
        deserted(&dead, &keys[0], STALE).await;
        assert_eq!(read(&alive, &keys[0], STALE).await.lead, Lead::Other);
        pass(2 * HOLD.duration()).await;
        if polled(polls, alive.get_many(&keys, STALE)).await {
            break;
        }
        let began = Instant::now();
        eventually(|| async {
            let lookup = read(&alive, &keys[1], STALE).await;
            matches!(lookup.lead, Lead::Mine(_)).then_some(())
        })
        .await;
        assert!(began.elapsed() < HOLD.duration() / 2, "after {polls} polls");
        polls += 1;
    }
}

#[tokio::test]
async fn the_lead_over_nothing_goes_to_another_when_its_hold_is_over_and_was_taken_from_nobody() {
    let servers = [Server::start()];
    let (dead, alive) = (backend(&servers), backend(&servers));
    let late = mine(read(&dead, &key("k"), BRIEF).await);
    let began = Instant::now();
    let next = eventually(|| async {
        let lookup = read(&alive, &key("k"), BRIEF).await;
        assert!(!lookup.taken_over);
        matches!(lookup.lead, Lead::Mine(_)).then_some(lookup)
    })
    .await;
    let most = SHORT.duration() + SLOW;
    assert!(began.elapsed() < most, "{:?}", began.elapsed());
    let overtaken = Stored::Superseded(Reason::Overtaken);
    assert_eq!(fill(&dead, &key("k"), "late", &late).await, overtaken);
    assert_eq!(
        fill(&alive, &key("k"), "new", &mine(next)).await,
        Stored::Stored
    );
}

#[tokio::test]
async fn a_leader_that_renews_computes_for_several_holds() {
    let servers = [Server::start()];
    let (slow, alive) = (backend(&servers), backend(&servers));
    let long = async |key| computes_for_long(&slow, &alive, &key).await;
    eventually_in_time(&servers[0], long).await;
}

/// False if this machine was too busy to renew in time.
async fn computes_for_long(slow: &Memcached, alive: &Memcached, key: &StoreKey) -> bool {
    let want = Want::Lead {
        hold: RENEWED,
        early: Duration::ZERO,
        patience: Duration::ZERO,
    };
    let token = mine(read(slow, key, want).await);
    let Some(filled) = filled_after(3 * RENEWED.duration(), (slow, alive), key, &token, want).await
    else {
        return false;
    };
    assert_eq!(filled, Stored::Stored);
    assert_eq!(value(alive, key).await.unwrap(), "slow");
    true
}

#[tokio::test]
async fn who_only_looks_takes_the_lead_from_nobody() {
    for want in [STALE, EARLY] {
        let servers = [Server::start()];
        let backend = backend(&servers);
        set(&backend, &key("k"), "old").await;
        if want == STALE {
            backend.expire(&key("k")).await.unwrap();
        }
        for _ in 0..3 {
            assert_eq!(
                read(&backend, &key("k"), Want::Value).await.lead,
                Lead::None
            );
            backend.client().get("k").await.unwrap().unwrap();
            backend.client().item("k").await.unwrap().unwrap();
        }
        let token = mine(read(&backend, &key("k"), want).await);
        read(&backend, &key("k"), Want::Value).await;
        backend.client().item("k").await.unwrap().unwrap();
        assert_eq!(read(&backend, &key("k"), want).await.lead, Lead::Other);
        let stored = fill(&backend, &key("k"), "new", &token).await;
        assert_eq!(stored, Stored::Stored);
    }
}

#[tokio::test]
async fn a_lead_whose_place_was_evicted_is_gone() {
    let servers = [Server::with_args(&["-m", "2"])];
    let backend = backend(&servers);
    let token = mine(read(&backend, &key("k"), STALE).await);
    let mut number = 0..;
    // The oldest go first.
    while servers[0].stat("evictions") < 1_000 {
        let entry = |number| NewEntry {
            key: key(format_args!("filler:{number}")),
            value: Bytes::from_static(b"v"),
            ttl: TTL,
            lead: None,
        };
        let entries = number.by_ref().take(5_000).map(entry).collect();
        for stored in backend.set_many(entries).await {
            stored.unwrap();
        }
    }
    let gone = Stored::Superseded(Reason::Gone);
    assert_eq!(fill(&backend, &key("k"), "late", &token).await, gone);
    assert_eq!(value(&backend, &key("k")).await, None);
}
