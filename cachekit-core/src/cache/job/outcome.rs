//! What a computation came to: what is stored of it, what the waiters get, what the caller gets.

use std::sync::Arc;
use std::time::Duration;

use super::{Job, OPERATION};
use crate::backend::Ttl;
use crate::cache::computation::{Ended, Ending};
use crate::cache::form::Form;
use crate::cache::kind::Kind;
use crate::cache::sought::Found;
use crate::cache::stats::Event;
use crate::error::{Error, ErrorKind};
use crate::policy::computing::Wishes;
use crate::policy::flight::Landing;
use crate::policy::freshness::Lifetime;

/// A result, as the caller gets it.
pub(super) type Settled<K> = Result<Arc<<K as Kind>::Value>, <K as Kind>::Error>;

/// What the waiters get, and what the caller gets.
pub(super) type Landed<K> = (Landing, Settled<K>);

impl<K, F> Job<K, F>
where
    K: Kind,
    K::Error: 'static,
    F: Form<K::Value>,
{
    /// Takes a result apart, and says what becomes of it.
    pub(super) fn settle(
        &self,
        wishes: Wishes,
        returned: K::Returned,
    ) -> (Settled<K>, Ending<K::Value>) {
        let unless = (self.unless)(&returned);
        match K::split(returned) {
            Ok(value) => {
                let value = Arc::new(value);
                let ending = match self.lifetime(&value, unless, &wishes) {
                    _ if wishes.no_store => Ending::Pass,
                    Some(lifetime) => Ending::Store {
                        value: Arc::clone(&value),
                        lifetime,
                        tags: wishes.tags,
                    },
                    None => Ending::Drop,
                };
                (Ok(value), ending)
            }
            Err(error) => {
                let ending = match wishes.not_found.map(Ttl::new) {
                    None => Ending::Fail,
                    Some(Ok(ttl)) if self.tells_absent() => Ending::Absent {
                        lifetime: Lifetime::new(ttl, Duration::ZERO),
                        tags: wishes.tags,
                    },
                    Some(_) => Ending::Drop,
                };
                (Err(error), ending)
            }
        }
    }

    /// What everybody gets of an entry that was found.
    pub(super) fn landed_as(&self, found: Found<K::Value>) -> Landed<K> {
        let landing = found.landing();
        let settled = match found {
            Found::Value(value) => Ok(value),
            Found::Stale(value) => return self.instead_of_new(&value),
            Found::Absent => {
                let error = self.absent();
                Err(error.expect("only who can tell it finds an absence"))
            }
        };
        (landing, settled)
    }

    /// What everybody gets of a result, once it has ended.
    pub(super) fn landed(&self, settled: Settled<K>, ended: Ended<K::Value>) -> Landed<K> {
        match (settled, ended) {
            (Ok(value), Ended::Private) => (Landing::Private(Arc::clone(&value) as _), Ok(value)),
            (Ok(value), Ended::Superseded) => {
                (Landing::Superseded(Arc::clone(&value) as _), Ok(value))
            }
            (Ok(value), _) => (Landing::Value(Arc::clone(&value) as _), Ok(value)),
            // Who asked for a new one is told that there is none, and nobody else.
            (Err(error), Ended::Old(old)) if self.anew => {
                (Landing::Stale(Arc::clone(&old.value) as _), Err(error))
            }
            (Err(_), Ended::Old(old)) => self.instead_of_new(&old.value),
            (Err(error), _) => self.told(error),
        }
    }

    /// Everybody gets what is in grace.
    pub(super) fn instead_of_new(&self, old: &Arc<K::Value>) -> Landed<K> {
        self.count(Event::Stale);
        (Landing::Stale(Arc::clone(old) as _), Ok(Arc::clone(old)))
    }

    /// The caller gets `error`, and the waiters as much of it as can be shared.
    fn told(&self, error: K::Error) -> Landed<K> {
        let landing = Landing::Failed {
            original: None,
            shared: self.voice.share().keep(&error),
        };
        (landing, Err(error))
    }

    /// The caller is turned away, if it can be told.
    pub(super) fn shed(&self) -> Option<Landed<K>> {
        let error = self.voice.say(|| {
            let detail = "too many computations run already";
            Error::with_detail(ErrorKind::Overloaded, OPERATION, detail)
        })?;
        self.count(Event::Shed);
        Some(self.told(error))
    }

    /// How long `value` is stored, if it is.
    fn lifetime(&self, value: &K::Value, unless: bool, wishes: &Wishes) -> Option<Lifetime> {
        let of_none = match K::is_none(value) {
            true => wishes.not_found.or_else(|| self.policy().ttl_of_none()),
            false => None,
        };
        let ttl = match of_none.or(wishes.ttl) {
            _ if unless => return None,
            Some(ttl) => Ttl::new(ttl).ok()?,
            None => self.ttl()?,
        };
        let grace = wishes.grace.unwrap_or_else(|| self.policy().grace_of(ttl));
        Some(Lifetime::new(ttl, grace))
    }
}

/// The result as the function returns it.
pub(super) fn joined<K: Kind>(settled: Settled<K>) -> K::Returned {
    K::join(settled.map(Arc::unwrap_or_clone))
}

/// The landing of a flight whose starter waits elsewhere: it is given the error itself.
pub(super) fn handed_over<K: Kind>((landing, settled): Landed<K>) -> Landing
where
    K::Error: Send + 'static,
{
    match (landing, settled) {
        (Landing::Failed { shared, .. }, Err(error)) => Landing::Failed {
            original: Some(Box::new(error)),
            shared,
        },
        (landing, _) => landing,
    }
}
