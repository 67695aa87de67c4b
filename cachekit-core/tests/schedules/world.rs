//! Processes, what lies between them and the store, and what is called in them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cachekit_core::cache::{Cache, Key};
use cachekit_core::error::Result;
use cachekit_core::testkit::{FaultyBackend, ManualClock, ReferenceBackend};

use crate::annotated::Annotated;
use crate::bug::Bug;
use crate::history::{By, Journal, Outcome, Value};
use crate::operation::{Operation, Origin, Says, is_absent};
use crate::origin::Caller;
use crate::process::{NAMESPACE, Process, releases};
use crate::schedule::Schedule;
use crate::wire::Store;

#[derive(Debug)]
pub(crate) struct World {
    pub(crate) journal: Arc<Journal>,
    pub(crate) store: Arc<Store>,
    pub(crate) processes: Vec<Process>,
    pub(crate) bug: Option<Bug>,
    tagged: bool,
    /// The version of each key.
    truth: Mutex<Vec<u32>>,
    /// The number of the next call inside of a computation.
    next_inside: AtomicUsize,
}

/// What the numbers of calls inside of computations begin with: more than there are steps.
const INSIDE: usize = 1_000;

impl World {
    pub(crate) fn new(schedule: &Schedule, bug: Option<Bug>) -> Arc<Self> {
        let time = ManualClock::new();
        let journal = Arc::new(Journal::new(time.clone()));
        let reference = ReferenceBackend::new(time.clock());
        let store = Arc::new(FaultyBackend::new(
            reference,
            schedule.faults(),
            time.clock(),
        ));
        let releases = releases(schedule);
        let processes = (0..schedule.processes.len())
            .map(|number| Process::new(schedule, number, bug, releases, &store, &journal))
            .collect();
        Arc::new(Self {
            journal,
            store,
            processes,
            bug,
            tagged: schedule.tagged,
            truth: Mutex::new(vec![0; usize::from(schedule.keys)]),
            next_inside: AtomicUsize::new(INSIDE),
        })
    }

    /// Raises the version of each key that `operation` writes; to which.
    pub(crate) fn raise(&self, operation: &Operation) -> Vec<(u8, u32)> {
        let mut truth = self.truth();
        let keys = u8::try_from(truth.len()).expect("a few keys");
        let raise = |key| {
            let version = &mut truth[usize::from(key)];
            *version += 1;
            (key, *version)
        };
        operation.writes(keys).into_iter().map(raise).collect()
    }

    pub(crate) fn version(&self, key: u8) -> u32 {
        self.truth()[usize::from(key)]
    }

    pub(crate) fn next_inside(&self) -> usize {
        self.next_inside.fetch_add(1, Ordering::SeqCst)
    }

    fn truth(&self) -> MutexGuard<'_, Vec<u32>> {
        self.truth.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn perform(
        self: Arc<Self>,
        caller: Caller,
        operation: Operation,
        writes: Vec<(u8, u32)>,
    ) -> Outcome {
        let cache = &self.processes[caller.process].cache;
        let key = |key| self.annotated(caller, key).key();
        match operation {
            Operation::Compute {
                key,
                detached,
                origin,
            } => self.compute_one(caller, key, detached, origin).await,
            Operation::ComputeMany {
                keys,
                detached,
                origin,
            } => self.compute_many(caller, &keys, detached, origin).await,
            Operation::Get { key: of } => found(&[of], [cache.get(&key(of)).await]),
            Operation::GetMany { keys } => {
                let asked: Vec<Key<Value>> = keys.iter().map(|of| key(*of)).collect();
                found(&keys, cache.get_many(&asked).await)
            }
            Operation::Set { key } => {
                let set = Value {
                    key,
                    version: writes[0].1,
                    by: By::Writer,
                };
                done(self.annotated(caller, key).set(set).await)
            }
            Operation::Expire { .. }
            | Operation::Remove { .. }
            | Operation::RemoveTag { .. }
            | Operation::RemoveNamespace => done(invalidate(cache, &operation, key).await),
        }
    }

    pub(crate) async fn compute_one(
        self: &Arc<Self>,
        caller: Caller,
        key: u8,
        detached: bool,
        origin: Origin,
    ) -> Outcome {
        let unless = origin.says == Says::Unless;
        let values = Arc::clone(self).compute(caller, vec![key], origin, |_| false);
        let compute = Box::pin(async move { Ok(values.await?.remove(0)) });
        let annotated = self.annotated(caller, key);
        let computed = annotated.run(detached, unless, compute).await;
        found(&[key], [computed.map(Some)])
    }

    async fn compute_many(
        self: &Arc<Self>,
        caller: Caller,
        keys: &[u8],
        detached: bool,
        origin: Origin,
    ) -> Outcome {
        let each = keys.iter().map(|key| self.annotated(caller, *key));
        let world = Arc::clone(self);
        let compute = move |missing| {
            let values = Arc::clone(&world).compute(caller, missing, origin.clone(), is_absent);
            Box::pin(async move {
                let values = values.await?;
                Ok(values.into_iter().map(|value| (value.key, value)).collect())
            }) as _
        };
        match Annotated::run_many(each.collect(), detached, Box::new(compute)).await {
            Ok(values) => Outcome::Values(
                keys.iter()
                    .map(|key| (*key, values.get(key).copied()))
                    .collect(),
            ),
            Err(_) => Outcome::Failed,
        }
    }

    fn annotated(&self, caller: Caller, key: u8) -> Annotated<'_> {
        let Process {
            cache, function, ..
        } = &self.processes[caller.process];
        Annotated {
            cache,
            function,
            key,
            tagged: self.tagged,
        }
    }
}

async fn invalidate(
    cache: &Cache,
    operation: &Operation,
    key: impl Fn(u8) -> Key<Value>,
) -> Result<()> {
    match operation {
        Operation::Expire { key: of } => cache.expire(&key(*of)).await,
        Operation::Remove { key: of } => cache.remove(&key(*of)).await,
        Operation::RemoveTag { tag } => cache.remove_tag(&tag.to_string()).await,
        Operation::RemoveNamespace => cache.remove_namespace(NAMESPACE).await,
        other => unreachable!("{other:?} invalidates nothing"),
    }
}

fn done(result: Result<()>) -> Outcome {
    result.map_or(Outcome::Failed, |()| Outcome::Done)
}

/// What was found under `keys`. Keys whose read failed say nothing; if all did, the call failed.
fn found<E>(
    keys: &[u8],
    results: impl IntoIterator<Item = std::result::Result<Option<Value>, E>>,
) -> Outcome {
    let results = keys.iter().copied().zip(results);
    let values: Vec<_> = results
        .filter_map(|(key, result)| Some((key, result.ok()?)))
        .collect();
    if values.is_empty() {
        Outcome::Failed
    } else {
        Outcome::Values(values)
    }
}
