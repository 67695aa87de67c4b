//! A process: its cache, and the calls in it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::task::AbortHandle;

use super::bug::Buggy;
use super::origin::Origin;
use super::schedule::{How, Schedule, Setting};
use super::time::PausedTime;
use super::told::Told;
use crate::backend::Backend;
use crate::cache::{Cache, Function, Key, Policy};
use crate::clock::Clock;
use crate::config::Config;
use crate::testkit::Altered;
use crate::testkit::history::Record;

/// Longer than any wait, even where one computation after another is overtaken: nothing in grace is
/// given out instead.
const TIMEOUT: Duration = Duration::from_secs(200);

#[derive(Debug)]
pub(super) struct Process {
    /// No other has it, before or after.
    pub(super) number: u32,
    cache: Cache,
    function: &'static Function,
    origin: Arc<Origin>,
    /// Whether its connections are made. Calls that wait for the same connection would go on in any
    /// order, and no seed would say in which.
    warm: Arc<OnceCell<()>>,
    /// Its calls, which end with it.
    calls: Vec<AbortHandle>,
}

impl Process {
    pub(super) fn new<S: Setting>(
        number: u32,
        schedule: &Schedule<S>,
        origin: &Arc<Origin>,
        backend: Arc<dyn Backend>,
    ) -> Self {
        let bug = schedule.family.bug;
        let mut config = Config::default();
        config.l1.enabled = schedule.l1_max_age.is_some();
        config.l1.max_age = schedule.l1_max_age.unwrap_or_default();
        let cache = Cache::builder()
            .config(config)
            .clock(Clock::with_time(Arc::new(origin.time)))
            .backend(Arc::new(Altered(Buggy { backend, bug })))
            .build();
        Self {
            number,
            cache,
            function: function(schedule),
            origin: Arc::clone(origin),
            warm: Arc::default(),
            calls: Vec::new(),
        }
    }

    /// One caller asks for `key`.
    pub(super) fn read(&mut self, key: u32) {
        let (number, cache, of) = (self.number, self.cache.clone(), self.key(key));
        let origin = Arc::clone(&self.origin);
        self.call(async move {
            let began = origin.time.nanos();
            let compute = Arc::clone(&origin).compute(number, key);
            let outcome = cache.get_or_spawn(&of, compute).await;
            let ended = origin.time.nanos();
            match outcome {
                Ok(version) => origin.told.record(Record::Read {
                    process: number,
                    key,
                    began,
                    ended,
                    version,
                    stale: false,
                }),
                Err(why) => {
                    let what = format!("{ended}: process {number}, key {key}: {why}");
                    origin.told.failed(what);
                }
            }
        });
    }

    /// The source changes, and this process says so.
    pub(super) fn invalidate(&mut self, key: u32, how: How) {
        let (process, cache, of) = (self.number, self.cache.clone(), self.key(key));
        let origin = Arc::clone(&self.origin);
        self.call(async move {
            let _writes = origin.write(key).await;
            let mut invalidation = Invalidation::begin(&origin, process, key, how);
            let outcome = match how {
                How::Remove => cache.remove(&of).await,
                How::Expire => cache.expire(&of).await,
                How::Set => cache.set(&of, invalidation.version).await,
            };
            if outcome.is_ok() {
                invalidation.succeeded(origin.time);
            }
        });
    }

    /// Nobody in it asks for anything any more.
    pub(super) fn kill(&self) {
        self.origin.told.record(Record::Killed {
            process: self.number,
            at: self.origin.time.nanos(),
        });
        self.origin.killed(self.number);
        for call in &self.calls {
            call.abort();
        }
    }

    /// Writes down whether somebody still waits.
    pub(super) fn end(&self) {
        let open = self.calls.iter().filter(|call| !call.is_finished()).count();
        if open > 0 {
            let what = format!("process {}: {open} calls never ended", self.number);
            self.origin.told.failed(what);
        }
    }

    fn key(&self, key: u32) -> Key<u64> {
        self.function.key(&key).expect("a number is a key")
    }

    /// Runs `call` as one of its own.
    fn call(&mut self, call: impl Future<Output = ()> + Send + 'static) {
        let (cache, warm) = (self.cache.clone(), Arc::clone(&self.warm));
        let call = tokio::spawn(async move {
            warm.get_or_init(|| async { drop(cache.health().await) })
                .await;
            call.await;
        });
        self.calls.push(call.abort_handle());
    }
}

/// Functions are for ever, and learn from their computations: each process has its own.
fn function<S: Setting>(schedule: &Schedule<S>) -> &'static Function {
    let policy = Policy::new()
        .ttl(schedule.ttl)
        .grace(schedule.grace)
        .timeout(TIMEOUT);
    Box::leak(Box::new(
        Function::new("schedules", "version").policy(policy),
    ))
}

/// One invalidation: it is written down when it ends, however it ends.
struct Invalidation {
    told: Arc<Told>,
    process: u32,
    key: u32,
    how: How,
    version: u64,
    began: u64,
    ended: Option<u64>,
}

impl Invalidation {
    fn begin(origin: &Origin, process: u32, key: u32, how: How) -> Self {
        Self {
            told: Arc::clone(&origin.told),
            process,
            key,
            how,
            version: origin.raise(key),
            began: origin.time.nanos(),
            ended: None,
        }
    }

    fn succeeded(&mut self, time: PausedTime) {
        self.ended = Some(time.nanos());
    }
}

impl Drop for Invalidation {
    fn drop(&mut self) {
        let &mut Self {
            process,
            key,
            how,
            version,
            began,
            ended,
            ..
        } = self;
        let invalidation = Record::Invalidation {
            key,
            began,
            ended,
            version,
        };
        self.told.record(invalidation);
        if how == How::Set {
            // What is written counts as computed. That takes one excuse, and to end what was there,
            // or is being computed, is another.
            self.told.record(Record::Computation {
                process,
                key,
                began,
                ended,
                version,
            });
            self.told.record(invalidation);
        }
    }
}
