//! The file backend keeps the contract.

use std::sync::Arc;
use std::time::Duration;

use cachekit_core::backend::{Backend, Want};
use cachekit_core::testkit::ManualClock;
use cachekit_core::testkit::conformance::Suite;
use cachekit_file::{Config, FileBackend, SyncMode};

use crate::scratch::{self, Scratch};

#[tokio::test]
async fn the_file_backend_keeps_the_contract_on_a_manual_clock() {
    let scratch = Scratch::new();
    let clock = ManualClock::new();
    let backend = FileBackend::with_clock(scratch.config(), clock.clock()).unwrap();
    let suite = Suite::new(Arc::new(backend))
        .by_hand(clock)
        .refuses(101 << 20);
    suite.run().await.assert_passed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_backend_keeps_the_contract_on_the_clock_of_the_system() {
    let scratch = Scratch::new();
    let config = Config {
        max_value: 1 << 20,
        ..scratch.config()
    };
    let backend = FileBackend::new(config).unwrap();
    // A disk that others use too may keep a call waiting for longer than the shortest hold lasts.
    let suite = Suite::new(Arc::new(backend))
        .shortest_hold(Duration::from_secs(1))
        .refuses((1 << 20) + 1);
    suite.run().await.assert_passed();
}

#[tokio::test]
async fn every_mode_of_syncing_keeps_the_contract() {
    for sync in [SyncMode::Data, SyncMode::Full] {
        let scratch = Scratch::new();
        let backend = FileBackend::new(Config {
            sync,
            ..scratch.config()
        })
        .unwrap();
        scratch::set(&backend, "k", b"v").await;
        assert_eq!(scratch::value(&backend, "k").await.unwrap(), "v");
        let key = scratch::key("k");
        backend.expire(&key).await.unwrap();
        assert!(
            backend
                .get(&key, Want::Value)
                .await
                .unwrap()
                .found
                .unwrap()
                .stale
        );
        backend.remove(&key).await.unwrap();
        assert_eq!(scratch::value(&backend, "k").await, None);
        assert!(scratch.files().is_empty());
    }
}
