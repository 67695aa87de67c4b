//! What tests a backend, and what a test of a cache needs: feature `testkit`.
//!
//! - [`conformance`]: the whole contract of [`Backend`](crate::backend::Backend), run against any
//!   implementation of it.
//! - [`ReferenceBackend`]: the contract in memory, as simple as it can be read.
//! - [`ManualClock`]: time that stands still until a test moves it.
//! - [`FaultyBackend`]: any backend, with errors, lost replies, delays and outages, reproducibly.
//! - [`Fleet`]: caches as of several processes in front of one store.
//! - [`history`]: what a fleet of processes did, and whether it may have.
//! - [`schedules`]: such fleets, made and run from seeds.
//! - [`Altered`]: any backend, with something done in another way.
//! - [`until`]: waits for what other tasks do.
//! - [`seed_jitter`]: the same jitter each time.
//!
//! A third party's backend is tested like this, with a real store where it has one:
//!
//! ```
//! use std::sync::Arc;
//!
//! use cachekit_core::testkit::conformance::Suite;
//! use cachekit_core::testkit::{ManualClock, ReferenceBackend};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let clock = ManualClock::new();
//! let backend = ReferenceBackend::new(clock.clock());
//! let report = Suite::new(Arc::new(backend)).by_hand(clock).run().await;
//! println!("{report}");
//! report.assert_passed();
//! # }
//! ```

pub mod conformance;
pub mod history;
pub mod schedules;

mod altered;
mod faulty;
mod fleet;
mod manual_clock;
mod reference;
mod until;

pub use altered::{Alter, Altered};
pub use faulty::{Calls, Faults, FaultyBackend};
pub use fleet::Fleet;
pub use manual_clock::ManualClock;
pub use reference::ReferenceBackend;
pub use until::until;

/// Makes the jitter that this thread draws from now on a consequence of `seed`: of ttls, and of the
/// pauses between two looks at what another process computes.
pub fn seed_jitter(seed: u64) {
    crate::policy::ttl::seed(seed);
}
