//! Values that are of no use to this program.

use bytes::Bytes;
use cachekit_core::backend::{Backend, Ttl, Want};

use super::*;

const FOREIGN: Bytes = Bytes::from_static(b"what another program has stored");

#[tokio::test]
async fn what_cannot_be_read_is_led_and_replaced() {
    static CORRUPT: Function = Function::new("tests::leads", "corrupt");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (cache, wire) = process(&fleet);
    let first = origin.call(&cache, &CORRUPT, Duration::ZERO);
    until_done(&fleet, || first.is_finished()).await;
    let (entry, _) = wire.last_read();
    let ttl = Ttl::from_secs(300);
    fleet.store.set(&entry, FOREIGN, ttl, None).await.unwrap();
    let readers: Vec<_> = (0..5).map(|_| process(&fleet).0).collect();
    let reads: Vec<_> = readers
        .iter()
        .map(|cache| origin.call(cache, &CORRUPT, SECOND))
        .collect();
    until_done(&fleet, || reads.iter().all(JoinHandle::is_finished)).await;
    assert_eq!(origin.begun(), 2);
    assert_eq!(fleet.process().get(&key(&CORRUPT)).await.unwrap(), Some(2));
}

/// memcached gives no lead over an item without an end.
#[tokio::test]
async fn so_is_what_the_store_gives_no_lead_over() {
    static FOR_EVER: Function = Function::new("tests::leads", "for_ever");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (cache, wire) = process(&fleet);
    let first = origin.call(&cache, &FOR_EVER, Duration::ZERO);
    until_done(&fleet, || first.is_finished()).await;
    let (entry, _) = wire.last_read();
    let ttl = Ttl::NEVER;
    fleet.store.set(&entry, FOREIGN, ttl, None).await.unwrap();
    let mut wire = Wire::new(&fleet.store);
    wire.never_leads_over = Some(FOREIGN);
    let (cache, _) = process_over(&fleet, wire);
    let healed = origin.call(&cache, &FOR_EVER, Duration::ZERO);
    let took = until_done(&fleet, || healed.is_finished()).await;
    assert_eq!((took, healed.await.unwrap()), (Duration::ZERO, 2));
    assert_eq!(fleet.process().get(&key(&FOR_EVER)).await.unwrap(), Some(2));
}

#[tokio::test]
async fn what_a_later_release_has_stored_stays_and_its_lead_is_handed_back() {
    static LATER: Function = Function::new("tests::leads", "later");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (cache, wire) = process(&fleet);
    let first = origin.call(&cache, &LATER, Duration::ZERO);
    until_done(&fleet, || first.is_finished()).await;
    let (entry, _) = wire.last_read();
    let found = fleet.store.get(&entry, Want::Value).await.unwrap().found;
    let mut later = found.unwrap().value.to_vec();
    later[2] = u8::MAX; // the version of the format
    let (later, ttl) = (Bytes::from(later), Ttl::from_secs(300));
    let set = fleet.store.set(&entry, later.clone(), ttl, None).await;
    set.unwrap();
    for computation in 2..4 {
        let reader = process(&fleet).0;
        let read = origin.call(&reader, &LATER, Duration::ZERO);
        until_done(&fleet, || read.is_finished()).await;
        settle().await;
        assert_eq!(read.await.unwrap(), computation);
        assert_eq!(reader.stats().leads_lost, 0);
        let lookup = fleet.store.get(&entry, lead_of_all()).await.unwrap();
        assert_eq!(lookup.found.unwrap().value, later);
        let token = lookup.lead.token().expect("it was handed back");
        fleet.store.release(&entry, &token).await.unwrap();
    }
}

/// The lead, however much time is left.
fn lead_of_all() -> Want {
    Want::Lead {
        hold: Ttl::from_secs(1),
        early: Duration::MAX,
        patience: Duration::ZERO,
    }
}
