//! Who changes the source of truth, and says so to the cache.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachekit_core::testkit::history::Record;
use tokio::time::Instant;

use crate::fleet::clock::{now, pass, some};
use crate::fleet::origin::Origin;
use crate::fleet::reader::{How, Reader};

/// From one pair of changes to the next: three changes a second, as a mean.
const PAUSE: Duration = Duration::from_millis(667);

/// A change to come in between waits so long for a computation of its key.
const WAIT: Duration = Duration::from_millis(400);

/// Changes what is true, through a cache of its own.
pub(super) struct Writer {
    origin: Origin,
    reader: Arc<dyn Reader>,
    records: Mutex<Vec<Record>>,
    failed: Mutex<Vec<String>>,
}

impl Writer {
    pub(super) fn new(origin: Origin, reader: Arc<dyn Reader>) -> Self {
        Self {
            origin,
            reader,
            records: Mutex::default(),
            failed: Mutex::default(),
        }
    }

    /// Changes one of `keys` after the other, for ever. Changes come in twos: the second while that
    /// is computed which the first has brought about.
    pub(super) async fn write(&self, keys: u32) {
        let mut due = Instant::now();
        loop {
            due += PAUSE / 2 + some(PAUSE);
            pass(due.saturating_duration_since(Instant::now())).await;
            let key = fastrand::u32(..keys);
            let mut begun = self.origin.begun();
            self.change(key, any()).await;
            let computation = async {
                loop {
                    match begun.recv().await {
                        Ok(computation) if computation.key == key => return computation.takes,
                        _ => {}
                    }
                }
            };
            if let Ok(takes) = tokio::time::timeout(WAIT, computation).await {
                pass(some(takes)).await;
            }
            self.change(key, any()).await;
        }
    }

    /// What is true is changed before the cache hears of it.
    pub(super) async fn change(&self, key: u32, how: How) {
        let version = self.origin.raise(key);
        // Written down at once: should the run end meanwhile, it may yet have taken effect.
        let index = self.begin(key, version);
        match self.reader.invalidate(key, how).await {
            Ok(()) => self.end(index),
            Err(error) => lock(&self.failed).push(format!("invalidation: {error}")),
        }
    }

    fn begin(&self, key: u32, version: u64) -> usize {
        let mut records = lock(&self.records);
        records.push(Record::Invalidation {
            key,
            began: now(),
            ended: None,
            version,
        });
        records.len() - 1
    }

    fn end(&self, index: usize) {
        if let Record::Invalidation { ended, .. } = &mut lock(&self.records)[index] {
            *ended = Some(now());
        }
    }

    pub(super) fn records(&self) -> Vec<Record> {
        lock(&self.records).clone()
    }

    /// What invalidations said that failed: they bind nobody.
    pub(super) fn failed(&self) -> Vec<String> {
        lock(&self.failed).clone()
    }
}

fn lock<T>(list: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    list.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One in four values is expired, the others are removed.
fn any() -> How {
    match fastrand::u8(..4) {
        0 => How::Expire,
        _ => How::Remove,
    }
}
