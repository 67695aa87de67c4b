//! What callers get while there is no fresh entry: beside whom they wait, and how often the origin
//! is asked.

mod batch;
mod outage;
mod stampede;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::Outcome;

/// Runs every trial, and says of each bar whether it is met.
pub(crate) fn run() -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        stampede::run().await;
        outage::run().await;
        batch::run().await;
    });
    Ok(ExitCode::SUCCESS)
}

/// An origin that takes its time, and counts who is there.
#[derive(Clone, Debug, Default)]
struct Origin(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    calls: AtomicUsize,
    now: AtomicUsize,
    most: AtomicUsize,
}

/// How long it takes.
const TAKES: Duration = Duration::from_millis(200);

impl Origin {
    async fn ask(&self, value: u64) -> u64 {
        self.0.calls.fetch_add(1, Ordering::SeqCst);
        let now = self.0.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.0.most.fetch_max(now, Ordering::SeqCst);
        pass(TAKES).await;
        self.0.now.fetch_sub(1, Ordering::SeqCst);
        value
    }

    fn calls(&self) -> usize {
        self.0.calls.load(Ordering::SeqCst)
    }

    fn most_at_once(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }
}

/// The time that an origin takes is what these trials are about.
async fn pass(time: Duration) {
    cachekit_core::clock::Clock::system().sleep(time).await;
}
