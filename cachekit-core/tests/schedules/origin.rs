//! What computations do: they read the source of truth, and ask for other keys.

use std::panic::resume_unwind;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;

use cachekit_core::cache::Context;
use cachekit_core::error::Error;

use crate::bug::Bug;
use crate::history::{By, ComputationEnd, Event, Outcome, Value};
use crate::operation::{Ask, Mood, Operation, Origin, Says};
use crate::world::World;

/// Who calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caller {
    pub(crate) call: usize,
    pub(crate) process: usize,
}

/// Why a computation failed.
#[derive(Clone, Debug)]
pub(crate) struct OriginFailed;

pub(crate) type Computed<T> = Result<T, OriginFailed>;

pub(crate) type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What is ours is told, too.
impl From<Error> for OriginFailed {
    fn from(_: Error) -> Self {
        Self
    }
}

impl World {
    /// Reads the source of truth at once, and may be slow to tell. It does not have the versions
    /// that it `lacks`.
    pub(crate) async fn compute(
        self: Arc<Self>,
        caller: Caller,
        keys: Vec<u8>,
        origin: Origin,
        lacks: fn(u32) -> bool,
    ) -> Computed<Vec<Value>> {
        if origin.says == Says::NoStore && self.bug != Some(Bug::StoredAnyway) {
            Context::current().no_store();
        }
        let mut computing = Computing::begin(&self, caller.call, &keys, &origin, lacks);
        if let Some((first, rest)) = origin.asks.split_first() {
            let asks = rest.to_vec();
            self.ask(caller, *first, Origin { asks, ..origin }).await;
        }
        if origin.mood == Mood::NeverReturns {
            std::future::pending::<()>().await;
        }
        self.journal.clock.clock().sleep(origin.after).await;
        match origin.mood {
            Mood::Answers | Mood::NeverReturns => {
                computing.end = ComputationEnd::Value;
                Ok(computing.answer())
            }
            Mood::Fails => {
                computing.end = ComputationEnd::Failed;
                Err(OriginFailed)
            }
            Mood::Panics => {
                computing.end = ComputationEnd::Panicked;
                drop(computing);
                resume_unwind(Box::new("the origin panics")) // without a word on stderr
            }
        }
    }

    /// Asks for a key inside of the computation of `outer`, to which it does not matter what comes
    /// of it.
    fn ask(self: &Arc<Self>, outer: Caller, ask: Ask, origin: Origin) -> Boxed<()> {
        let Ask { key, detached } = ask;
        let caller = Caller {
            call: self.next_inside(),
            ..outer
        };
        let world = Arc::clone(self);
        let asking = Asking::begin(self, caller, outer, ask, &origin);
        let bug = self.bug;
        Box::pin(async move {
            let asked = async move { world.compute_one(caller, key, detached, origin).await };
            asking.ended(match bug {
                Some(Bug::LostChain) => tokio::spawn(asked).await.unwrap_or(Outcome::Panicked),
                _ => asked.await,
            });
        })
    }
}

/// One call of the origin: it writes into the history when it ends, however it ends.
struct Computing {
    world: Arc<World>,
    call: usize,
    values: Vec<Value>,
    lacks: fn(u32) -> bool,
    end: ComputationEnd,
}

impl Computing {
    fn begin(
        world: &Arc<World>,
        call: usize,
        keys: &[u8],
        origin: &Origin,
        lacks: fn(u32) -> bool,
    ) -> Self {
        let value = |key: &u8| Value {
            key: *key,
            version: world.version(*key),
            by: By::Origin {
                call,
                says: origin.says,
            },
        };
        let values: Vec<_> = keys.iter().map(value).collect();
        for Value { key, version, .. } in values.iter().copied() {
            world.journal.write(Event::Computing { call, key, version });
        }
        Self {
            world: Arc::clone(world),
            call,
            values,
            lacks,
            end: ComputationEnd::Cancelled,
        }
    }

    fn answer(&self) -> Vec<Value> {
        let falsely = self.world.bug == Some(Bug::FalseAbsence) && self.values.len() > 1;
        let there = self.values.iter().skip(usize::from(falsely));
        let there = there.filter(|value| !(self.lacks)(value.version));
        there.copied().collect()
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        let call = self.call;
        for Value { key, version, .. } in self.values.iter().copied() {
            let end = match self.end {
                ComputationEnd::Value if (self.lacks)(version) => ComputationEnd::Absent,
                end => end,
            };
            self.world.journal.write(Event::Computed { call, key, end });
        }
    }
}

/// One call inside of a computation: it writes into the history when it ends, however it ends.
struct Asking {
    world: Arc<World>,
    call: usize,
    outcome: Option<Outcome>,
}

impl Asking {
    fn begin(
        world: &Arc<World>,
        Caller { call, process }: Caller,
        outer: Caller,
        Ask { key, detached }: Ask,
        origin: &Origin,
    ) -> Self {
        world.journal.write(Event::Began {
            call,
            process,
            inside: Some(outer.call),
            operation: Operation::Compute {
                key,
                detached,
                origin: origin.clone(),
            },
            writes: Vec::new(),
        });
        Self {
            world: Arc::clone(world),
            call,
            outcome: None,
        }
    }
}

impl Asking {
    fn ended(mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let call = self.call;
        let panicked = thread::panicking().then_some(Outcome::Panicked);
        self.world
            .journal
            .write(match self.outcome.take().or(panicked) {
                Some(outcome) => Event::Ended { call, outcome },
                None => Event::Dropped { call },
            });
    }
}
