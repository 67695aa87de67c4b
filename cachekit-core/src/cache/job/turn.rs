//! What a caller is to do: take what is there, wait for another, or compute.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::Duration;

use super::{Around, Job, OPERATION};
use crate::cache::form::Form;
use crate::cache::kind::Kind;
use crate::cache::old::Old;
use crate::cache::stats::Event;
use crate::error::{Error, ErrorKind};
use crate::l1::{Look, Mark};
use crate::policy::flight::{Arrival, Flights, Leader, Role, Shared, Waiter};

pub(super) enum Turn<K: Kind> {
    /// Compute, for all who ask meanwhile; where `refreshing`, before there is need to: others are
    /// still given what is there.
    Lead {
        leader: Leader,
        refreshing: bool,
    },
    Return(K::Returned),
    /// Compute, past the flight.
    Alone,
}

impl<K: Kind> Turn<K> {
    pub(super) fn lead(leader: Leader) -> Self {
        Self::Lead {
            leader,
            refreshing: false,
        }
    }
}

impl<K, F> Job<K, F>
where
    K: Kind,
    K::Error: 'static,
    F: Form<K::Value>,
{
    /// Waits until there is something to do.
    pub(super) async fn turn(&self, around: &Around) -> Turn<K> {
        let flights = &self.inner.flights;
        if let Some(turn) = self.look(flights) {
            return turn;
        }
        let mut again = false;
        loop {
            let waiter = match self.join(flights, again, around) {
                Ok(leader) => return Turn::lead(leader),
                Err(waiter) => waiter,
            };
            let (outer, cache) = (&around.outer, self.inner.address());
            let arrival = waiter.wait(outer.is_nested(), outer.permit(cache)).await;
            outer.regain(cache).await;
            if let Some(turn) = self.arrived(arrival) {
                return turn;
            }
            again = true;
        }
    }

    /// Leads the flight, or waits for it: `again` after another one.
    pub(super) fn join(
        &self,
        flights: &Arc<Flights>,
        again: bool,
        around: &Around,
    ) -> Result<Leader, Waiter> {
        let (key, deadline) = (self.key.bytes(), self.policy().deadline());
        let role = match self.anew {
            // Another flight may end with what is in grace.
            true => Role::Leader(flights.overtake(key, deadline, self.key.tags())),
            false => flights.join(key, deadline, self.key.tags()),
        };
        let (offering, role) = match role {
            Role::Leader(leader) => (leader.offering(), Ok(leader)),
            Role::Waiter(waiter) => {
                self.count(Event::Coalesced);
                (waiter.offering(), Err(waiter.after_another(again)))
            }
        };
        around.offering.with(|seen| *seen = Some(offering));
        role
    }

    /// Looks once more, at what is no plain hit; `None`: join the flight.
    pub(super) fn look(&self, flights: &Arc<Flights>) -> Option<Turn<K>> {
        if self.anew {
            return None;
        }
        match self.inner.l1.look::<K::Value>(self.key.bytes()) {
            Look::Fresh { value, .. } => Some(self.fresh(value)),
            Look::Early { value, left } => {
                let refresh = self.refresh(flights, &value, left);
                Some(refresh.unwrap_or_else(|| self.fresh(value)))
            }
            Look::Grace { value, throttled } if throttled => Some(self.stale(value)),
            // In front of a backend there may be something newer.
            Look::Grace { value, .. } if self.serves_stale() && self.inner.backend.is_none() => {
                let refresh = self.refresh(flights, &value, Duration::ZERO);
                Some(refresh.unwrap_or_else(|| self.stale(value)))
            }
            Look::Marked(Mark::Absent) => self.not_found().map(Turn::Return),
            Look::Marked(Mark::Pass) => Some(Turn::Alone),
            // The backend may have something.
            Look::Grace { .. } | Look::Marked(Mark::Failed) | Look::Nothing => None,
        }
    }

    pub(super) fn serves_stale(&self) -> bool {
        self.policy().serves_while_refreshing()
    }

    fn fresh(&self, value: K::Value) -> Turn<K> {
        self.inner.hit_here(self.key.function());
        Turn::Return(K::join(Ok(value)))
    }

    fn stale(&self, value: K::Value) -> Turn<K> {
        self.count(Event::Stale);
        Turn::Return(K::join(Ok(value)))
    }

    /// Takes it upon this caller to compute what the others are still given, which is fresh for
    /// `left`; `None` if another has.
    fn refresh(&self, flights: &Arc<Flights>, value: &K::Value, left: Duration) -> Option<Turn<K>> {
        let key = self.key.bytes();
        if self.inner.refreshes.has(key) || !left.is_zero() && !self.inner.l1.claim(key) {
            return None;
        }
        let leader = flights.try_lead(key, self.policy().deadline(), self.key.tags())?;
        let until_ms = self.inner.l1.until_ms(key);
        let old = Old::new(Arc::new(value.clone()), left, until_ms, &self.inner.clock);
        leader.offer(old.offer(self.serves_stale()));
        if self.inner.backend.is_none() {
            self.count(Event::Refreshed); // else the look into the backend says whether it is
        }
        Some(Turn::Lead {
            leader,
            refreshing: true,
        })
    }

    fn given(value: &Shared) -> Option<K::Returned> {
        let value = value.downcast_ref::<K::Value>().cloned();
        value.map(|value| K::join(Ok(value)))
    }

    /// What an arrival means; `None`: begin again.
    pub(super) fn arrived(&self, arrival: Arrival) -> Option<Turn<K>> {
        let returned = match arrival {
            Arrival::Value(value) => Self::given(&value),
            Arrival::Stale(value) => {
                self.count(Event::Stale);
                Self::given(&value)
            }
            // Who cannot be told that tries again, one after the other.
            Arrival::Absent => Some(self.not_found()?),
            Arrival::OwnError(error) => {
                let error = error.downcast::<K::Error>().ok();
                error.map(|error| K::join(Err(*error)))
            }
            Arrival::SharedError(error) => {
                let given = self.voice.share().give(&error);
                given.map(|error| K::join(Err(error)))
            }
            Arrival::Reentrant => self.say(|| Error::new(ErrorKind::Reentrant, OPERATION)),
            // Who cannot say so tries again, one after the other.
            Arrival::Lost => Some(self.say(|| Error::new(ErrorKind::ComputationLost, OPERATION))?),
            Arrival::Panicked(payload) => resume_unwind(payload),
            Arrival::Alone => None,
            Arrival::Again => return None,
        };
        // What cannot be told is computed.
        Some(returned.map_or(Turn::Alone, Turn::Return))
    }
}
