//! The conformance suite: the reference backend passes it, and broken ones do not.

use std::sync::Arc;

use cachekit_core::testkit::conformance::Suite;
use cachekit_core::testkit::{ManualClock, ReferenceBackend};

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
