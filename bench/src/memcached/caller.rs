//! What is asked of every client, and the callers that ask it.

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::Failed;
use crate::cells::histogram::Histogram;
use crate::cells::machine::now;
use crate::memcached::keys::Keys;

/// How many keys a `get_many` has.
pub(super) const MANY: usize = 100;

/// A client as one caller uses it. Blocking ones never wait in an await. What a client does not
/// offer, no case asks of it.
pub(super) trait Caller: Send + 'static {
    /// The length of the value.
    fn get(&mut self, _key: &str) -> impl Future<Output = Result<usize, Failed>> + Send {
        async { Err(not_offered()) }
    }

    /// Returns when the server has said that it is stored.
    fn set(
        &mut self,
        _key: &str,
        _value: &Bytes,
    ) -> impl Future<Output = Result<(), Failed>> + Send {
        async { Err(not_offered()) }
    }

    /// The length of all values together.
    fn get_many(&mut self, _keys: &[&str]) -> impl Future<Output = Result<usize, Failed>> + Send {
        async { Err(not_offered()) }
    }
}

fn not_offered() -> Failed {
    "the client does not offer this".into()
}

/// What the callers of a case do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Load {
    pub(super) operation: Operation,
    /// Of each value, in bytes.
    pub(super) size: usize,
    /// How many callers there are at once.
    pub(super) callers: usize,
}

/// What one call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Operation {
    Get,
    Set,
    /// Of [`MANY`] keys.
    GetMany,
}

/// What the callers of a cell share.
#[derive(Debug)]
pub(super) struct Gate {
    phase: AtomicU8,
    done: Vec<Count>,
    pub(super) keys: Keys,
}

/// Calls of one caller, on a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Count(AtomicU64);

const WARM_UP: u8 = 0;
const MEASURED: u8 = 1;
const OVER: u8 = 2;

impl Gate {
    pub(super) fn new(callers: usize, size: usize) -> Arc<Self> {
        Arc::new(Self {
            phase: AtomicU8::new(WARM_UP),
            done: (0..callers).map(|_| Count::default()).collect(),
            keys: Keys::of(size),
        })
    }

    /// From now on it counts.
    pub(super) fn measure(&self) {
        self.phase.store(MEASURED, Ordering::Relaxed);
    }

    /// No caller begins another call.
    pub(super) fn close(&self) {
        self.phase.store(OVER, Ordering::Relaxed);
    }

    pub(super) fn is_measured(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == MEASURED
    }

    pub(super) fn is_closed(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == OVER
    }

    /// Adds to what `caller` has done; nobody else adds to that.
    pub(super) fn add(&self, caller: usize, calls: u64) {
        let done = &self.done[caller].0;
        done.store(done.load(Ordering::Relaxed) + calls, Ordering::Relaxed);
    }

    /// Calls of all callers so far.
    pub(super) fn calls(&self) -> u64 {
        self.done
            .iter()
            .map(|done| done.0.load(Ordering::Relaxed))
            .sum()
    }
}

/// Calls again and again until the gate is closed. Some calls are timed: all where there are few
/// callers, one in 65 of 1024, as reading the clock costs a share of what is measured.
pub(super) async fn work<C: Caller>(
    mut caller: C,
    index: usize,
    load: Load,
    gate: Arc<Gate>,
) -> Result<Histogram, Failed> {
    let mut times = Histogram::default();
    let mut random = fastrand::Rng::new();
    let untimed = load.callers / 16;
    let mut until_timed = 0_usize;
    while !gate.is_closed() {
        let timed = (until_timed == 0 && gate.is_measured()).then(now);
        until_timed = until_timed.checked_sub(1).unwrap_or(untimed);
        once(&mut caller, load, &gate.keys, &mut random).await?;
        if let Some(began) = timed {
            times.record(now().saturating_duration_since(began));
        }
        gate.add(index, 1);
    }
    Ok(times)
}

async fn once<C: Caller>(
    caller: &mut C,
    load: Load,
    keys: &Keys,
    random: &mut fastrand::Rng,
) -> Result<(), Failed> {
    let (length, expected) = match load.operation {
        Operation::Get => (caller.get(keys.choose(random)).await?, load.size),
        Operation::Set => return caller.set(keys.choose(random), &keys.value).await,
        Operation::GetMany => {
            let many = keys.choose_many(MANY, random);
            (caller.get_many(&many).await?, MANY * load.size)
        }
    };
    if length == expected {
        Ok(())
    } else {
        Err(format!("{length} bytes instead of {expected}").into())
    }
}

/// An error of a client that is not `Send` or not an error, in words.
pub(super) fn failed(error: impl Into<Box<dyn Error>>) -> Failed {
    error.into().to_string().into()
}
