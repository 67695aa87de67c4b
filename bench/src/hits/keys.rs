//! What the functions are called with, and what they return.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use cachekit_core::key::{KeyBuffer, Unserializable, write_argument};

/// How many entries each function has.
pub(crate) const ENTRIES: usize = 10_000;
/// Room for all of them, however unevenly a cache spreads them over its shards.
pub(crate) const CAPACITY: usize = 4 * ENTRIES;

/// The arguments of all calls of a pass, in the order of the calls.
#[derive(Debug)]
pub(crate) struct Keys {
    pub(crate) numbers: Vec<u64>,
    /// What our macro makes of a number.
    pub(crate) number_bytes: Vec<Box<[u8]>>,
    /// 30 bytes and a number.
    pub(crate) pairs: Vec<(String, u32)>,
    /// What our macro makes of a pair.
    pub(crate) pair_bytes: Vec<Box<[u8]>>,
}

impl Keys {
    /// Those of `thread`, 0 or 1: the same for both, in another order.
    pub(crate) fn of(thread: usize) -> &'static Self {
        static KEYS: LazyLock<[Keys; 2]> = LazyLock::new(|| [Keys::shuffled(), Keys::shuffled()]);
        &KEYS[thread]
    }

    fn shuffled() -> Self {
        let mut order: Vec<u32> = (0..).take(ENTRIES).collect();
        fastrand::shuffle(&mut order);
        let numbers: Vec<_> = order.iter().map(|&n| u64::from(n)).collect();
        let pairs: Vec<_> = order
            .iter()
            .map(|&n| (format!("user:{n:025}"), n))
            .collect();
        let number_bytes = numbers.iter().map(|n| bytes(|key| write_argument(key, n)));
        let pair_bytes = pairs.iter().map(|(text, n)| {
            bytes(|key| write_argument(key, text).and_then(|()| write_argument(key, n)))
        });
        Self {
            number_bytes: number_bytes.collect(),
            pair_bytes: pair_bytes.collect(),
            numbers,
            pairs,
        }
    }
}

/// The bytes of a key: the number of a function, four bytes, and the arguments.
fn bytes(write: impl FnOnce(&mut KeyBuffer) -> Result<(), Unserializable>) -> Box<[u8]> {
    let mut key = KeyBuffer::new();
    key.extend(&1_u32.to_le_bytes());
    write(&mut key).expect("texts and numbers serialize");
    key.bytes().into()
}

static ORIGIN_CALLS: AtomicU64 = AtomicU64::new(0);

/// What is cached: no hit gets here.
#[cold]
#[inline(never)]
pub(crate) fn origin(n: u64) -> u64 {
    ORIGIN_CALLS.fetch_add(1, Ordering::Relaxed);
    n.wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// What is cached where values are shared.
#[cold]
pub(crate) fn shared_origin(n: u64) -> Arc<String> {
    Arc::new(format!("{:0100}", origin(n)))
}

/// Calls of an origin so far.
pub(crate) fn origin_calls() -> u64 {
    ORIGIN_CALLS.load(Ordering::Relaxed)
}
