//! Instructions that a hit over memcached may take in this process: those of the caller, and of the
//! task that owns the socket. What the server and the kernel do is not counted.

use std::process::ExitCode;
use std::sync::Arc;

use cachekit_core::backend::Want;
use cachekit_memcached::testkit;
use tokio::runtime::{Builder, Runtime};

use super::callers::{LEAD, Reader, filled};
use crate::budget::Budget;
use crate::cells::machine::Place;
use crate::measure::{self, Pass};
use crate::memcached::caller::Caller;
use crate::memcached::keys::Keys;
use crate::memcached::{ours, servers};
use crate::{Failed, Outcome};

pub(crate) const CASE: &str = "memcached, 100 B";
const LEAD_HIT: &str = "backend, Want::Lead";
const VALUE_HIT: &str = "backend, Want::Value";
const PLAIN_HIT: &str = "client.get";
const CACHE_HIT: &str = "cache without L1";

const SIZE: usize = 100;
const CALLERS: usize = 16;
/// Hits of each caller in one pass.
const HITS: usize = 256;

/// A few in a hundred above what they took when the figures were set, with rustc 1.95 on x86-64: how
/// many turns the task has differs a little from run to run.
pub(crate) const BUDGETS: [Budget; 4] = [
    budget(PLAIN_HIT, 5_500),
    budget(VALUE_HIT, 6_650),
    budget(LEAD_HIT, 7_050),
    budget(CACHE_HIT, 34_500),
];

const fn budget(who: &'static str, instructions: u64) -> Budget {
    Budget {
        case: CASE,
        who,
        hits: (CALLERS * HITS) as u64,
        instructions,
    }
}

/// Runs `count` passes of one reader, after one that connects.
pub(crate) fn pass(who: &str, count: &str) -> Outcome {
    let running = servers::start(1, Place::Free)?;
    servers::fill(&running, SIZE)?;
    let addresses = testkit::addresses(&running);
    let count = count.parse()?;
    let runtime = Builder::new_current_thread().enable_all().build()?;
    match who {
        PLAIN_HIT => counted(runtime, ours::client(&addresses)?, count),
        VALUE_HIT => counted(runtime, Reader::new(&addresses, Want::Value)?, count),
        LEAD_HIT => counted(runtime, Reader::new(&addresses, LEAD)?, count),
        CACHE_HIT => {
            let cache = runtime.block_on(filled(&addresses))?;
            counted(runtime, cache, count)
        }
        _ => Err("no such reader".into()),
    }
}

fn counted<C: Caller + Clone + Sync>(runtime: Runtime, caller: C, count: usize) -> Outcome {
    let hits = Hits {
        runtime,
        keys: Arc::new(Keys::of(SIZE)),
        caller,
    };
    hits.pass(0);
    measure::counted(&hits, count);
    Ok(ExitCode::SUCCESS)
}

/// Callers of one client, side by side: so many that what one turn of the task costs is shared, and
/// so few that the server answers all of them at once.
struct Hits<C> {
    runtime: Runtime,
    keys: Arc<Keys>,
    caller: C,
}

impl<C: Caller + Clone + Sync> Pass for Hits<C> {
    fn pass(&self, _thread: usize) {
        self.runtime.block_on(async {
            let callers = (0..CALLERS).map(|first| {
                let (caller, keys) = (self.caller.clone(), Arc::clone(&self.keys));
                tokio::spawn(read(caller, keys, first * HITS))
            });
            let callers: Vec<_> = callers.collect();
            for caller in callers {
                let read = caller.await.expect("no caller panics");
                read.expect("every key is there");
            }
        });
    }
}

async fn read(mut caller: impl Caller, keys: Arc<Keys>, first: usize) -> Result<(), Failed> {
    for key in keys.texts.iter().cycle().skip(first).take(HITS) {
        caller.get(key).await?;
    }
    Ok(())
}
