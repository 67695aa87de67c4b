//! One operation, again and again.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

use crate::Failed;
use crate::cells::Figures;
use crate::cells::histogram::Histogram;
use crate::cells::machine::now;
use crate::file::cell::ready;
use crate::file::keys::{Key, Values};
use crate::file::store::Store;

/// What one process has done, for [`crew`](super::crew) to add up.
pub(super) const CALLS: &str = "calls";
pub(super) const SECONDS: &str = "seconds";
pub(super) const PROCESSOR: &str = "processor seconds";
pub(super) const MISSES: &str = "misses";

/// How many different calls a process of reads makes, again and again.
const READS: u64 = 10_000;
/// Keys from here on are never written.
const NEVER: u64 = 1 << 60;
/// Calls before those that count, as a part of them: one in so many.
const WARM_UP: usize = 10;

/// What one process does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Load {
    pub(super) operation: Operation,
    /// The keys it is about: any of them, or, where they are new, one after the other.
    pub(super) keys: Range<u64>,
    /// Ends after so many writes, or so many seconds.
    pub(super) writes: u64,
    pub(super) seconds: f64,
    /// Whether an entry may be missing: where others remove them.
    pub(super) may_miss: bool,
}

/// What one call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Operation {
    Get,
    /// Of a key that is not there.
    Miss,
    Overwrite,
    New,
}

impl Operation {
    pub(super) const fn writes(self) -> bool {
        matches!(self, Self::Overwrite | Self::New)
    }
}

/// Prepared before the clock runs.
struct Call {
    key: Key,
    /// Of a write.
    value: Option<Bytes>,
}

impl Load {
    /// Says when it could begin, and begins when it may.
    pub(super) async fn run<S: Store>(
        &self,
        store: &mut S,
        size: usize,
    ) -> Result<Figures, Failed> {
        let calls = self.calls(size);
        self.warm_up(store, &calls, size).await?;
        ready()?;
        let mut times = Histogram::default();
        let (mut done, mut misses) = (0_u64, 0_u64);
        let processor = processor_time();
        let began = now();
        let end = began + Duration::from_secs_f64(self.seconds);
        let mut before = began;
        let again = if self.operation.writes() {
            1
        } else {
            usize::MAX
        };
        for call in (0..again).flat_map(|_| &calls) {
            misses += u64::from(!self.once(store, call, size).await?);
            let after = now();
            times.record(after - before);
            before = after;
            done += 1;
            if after >= end {
                break;
            }
        }
        let processor = processor_time().saturating_sub(processor);
        let mut figures = Figures::from([
            (CALLS.to_owned(), done as f64),
            (SECONDS.to_owned(), (before - began).as_secs_f64()),
            (PROCESSOR.to_owned(), processor.as_secs_f64()),
            (MISSES.to_owned(), misses as f64),
        ]);
        figures.extend(times.figures());
        Ok(figures)
    }

    fn calls(&self, size: usize) -> Vec<Call> {
        let mut values = Values::new(size);
        let count = match self.operation {
            Operation::Get | Operation::Miss => READS,
            Operation::Overwrite | Operation::New => self.writes,
        };
        let call = |index| {
            let key = Key::of(match self.operation {
                Operation::Get | Operation::Overwrite => fastrand::u64(self.keys.clone()),
                Operation::Miss => NEVER + fastrand::u64(..NEVER),
                Operation::New => self.keys.start + index,
            });
            let value = self.operation.writes().then(|| values.next(&key));
            Call { key, value }
        };
        (0..count).map(call).collect()
    }

    /// Reads: a write that is made twice is not the same any more.
    async fn warm_up<S: Store>(
        &self,
        store: &mut S,
        calls: &[Call],
        size: usize,
    ) -> Result<(), Failed> {
        for call in calls.iter().take(calls.len() / WARM_UP) {
            store.get(&call.key, size).await?;
        }
        Ok(())
    }

    /// Whether it found what it had to.
    async fn once<S: Store>(
        &self,
        store: &mut S,
        call: &Call,
        size: usize,
    ) -> Result<bool, Failed> {
        if let Some(value) = &call.value {
            store.put(&call.key, value).await?;
            return Ok(true);
        }
        let found = store.get(&call.key, size).await?;
        match self.operation {
            Operation::Miss if found => Err("a value that nobody has put".into()),
            Operation::Get if !found && !self.may_miss => Err("a miss".into()),
            _ => Ok(found),
        }
    }
}

/// Of this process.
fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}
