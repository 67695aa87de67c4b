//! The reference backend keeps the contract, and faults in front of it do what they say.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend, NodeState, Stored, Ttl, Want};
use cachekit_core::clock::Clock;
use cachekit_core::error::{ErrorKind, Result};
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::conformance::Suite;
use cachekit_core::testkit::{Faults, FaultyBackend, ManualClock, ReferenceBackend};

type Faulty = FaultyBackend<ReferenceBackend>;

#[tokio::test]
async fn the_reference_backend_keeps_the_contract() {
    let clock = ManualClock::new();
    let backend = ReferenceBackend::new(clock.clock());
    Suite::new(Arc::new(backend))
        .by_hand(clock)
        .run()
        .await
        .assert_passed();
}

#[tokio::test]
async fn the_reference_backend_keeps_the_contract_on_the_clock_of_the_system() {
    let backend = ReferenceBackend::new(Clock::system());
    Suite::new(Arc::new(backend)).run().await.assert_passed();
}

#[tokio::test]
async fn a_faulty_backend_without_faults_loses_nothing_of_the_contract() {
    let clock = ManualClock::new();
    let reference = ReferenceBackend::new(clock.clock());
    let backend = Arc::new(FaultyBackend::new(
        reference,
        Faults::default(),
        clock.clock(),
    ));
    Suite::new(Arc::clone(&backend) as Arc<dyn Backend>)
        .by_hand(clock)
        .run()
        .await
        .assert_passed();
    assert!(backend.calls().get > 0 && backend.calls().set_many > 0);
}

#[tokio::test]
async fn a_reply_is_lost_after_the_write_took_effect() {
    let backend = faulty(Faults {
        lost_replies: 1.0,
        ..Faults::default()
    });
    let lost = set(&backend).await.unwrap_err();
    assert_eq!(lost.kind(), ErrorKind::Ambiguous);
    assert_eq!(behind(&backend).await.unwrap(), "v");
}

#[tokio::test]
async fn an_error_comes_before_any_effect() {
    let backend = faulty(Faults {
        errors: 1.0,
        ..Faults::default()
    });
    let failed = set(&backend).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable);
    assert_eq!(behind(&backend).await, None);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_faults_key_by_key() {
    let keys: Vec<_> = (0..64)
        .map(|n| StoreKey::new(format!("k{n}")).unwrap())
        .collect();
    let faults = Faults {
        seed: 42,
        errors: 0.3,
        lost_replies: 0.3,
        ..Faults::default()
    };
    let mut runs = Vec::new();
    for _ in 0..2 {
        let results = faulty(faults).get_many(&keys, Want::Value).await;
        let kinds: Vec<_> = results
            .into_iter()
            .map(|result| result.map_err(|e| e.kind()))
            .collect();
        runs.push(kinds);
    }
    assert_eq!(runs[0], runs[1]);
    for kind in [ErrorKind::Unavailable, ErrorKind::Timeout] {
        assert!(
            runs[0]
                .iter()
                .any(|result| result.as_ref().err() == Some(&kind))
        );
    }
    assert!(runs[0].iter().any(Result::is_ok));
}

#[tokio::test]
async fn a_delayed_call_waits_for_the_clock() {
    let time = ManualClock::new();
    let delay = Duration::from_secs(1);
    let faults = Faults {
        delayed: 1.0,
        delay,
        ..Faults::default()
    };
    let backend = FaultyBackend::new(ReferenceBackend::new(time.clock()), faults, time.clock());
    let call = tokio::spawn(async move { backend.health().await.state() });
    while time.sleepers() == 0 {
        tokio::task::yield_now().await;
    }
    assert!(!call.is_finished());
    time.advance(delay);
    assert_eq!(call.await.unwrap(), NodeState::Up);
}

fn faulty(faults: Faults) -> Faulty {
    let clock = ManualClock::new().clock();
    FaultyBackend::new(ReferenceBackend::new(clock.clone()), faults, clock)
}

fn key() -> StoreKey {
    StoreKey::new("k").unwrap()
}

async fn set(backend: &Faulty) -> Result<Stored> {
    backend
        .set(&key(), Bytes::from("v"), Ttl::from_secs(1), None)
        .await
}

/// The value behind the faults.
async fn behind(backend: &Faulty) -> Option<Bytes> {
    let lookup = backend.backend().get(&key(), Want::Value).await;
    lookup.unwrap().found.map(|found| found.value)
}
