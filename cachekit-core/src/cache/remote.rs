//! The cache's side of a backend: from bytes with a lead to a value, or to the right to compute it.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Backend, Found, Lead, Lookup, Ttl, Want};
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::asking::Asking;
use crate::cache::form::{Form, Release};
use crate::cache::leading::{Leading, Right};
use crate::envelope::{self, Defect};
use crate::error::Result;
use crate::key::StoreKey;
use crate::policy::flight::WAIT_BUDGET;
use crate::policy::ttl::random;

/// How often a reader asks whether another process has finished: at first, and at most.
const FIRST_POLL: Duration = Duration::from_millis(10);
const LAST_POLL: Duration = Duration::from_millis(250);

/// The time left of an entry whose store tells none.
const UNTOLD: Duration = Duration::from_secs(1);

/// What a read of the backend came to.
#[derive(Debug)]
pub(crate) enum Reading<V> {
    Value(Value<V>),
    Compute(Leading),
}

/// A value as it was found.
#[derive(Debug)]
pub(crate) struct Value<V> {
    pub(crate) value: V,
    /// Time left in the store.
    pub(crate) left: Duration,
    /// The whole ttl that it was stored with.
    pub(crate) ttl: Ttl,
    /// Its size, encoded.
    pub(crate) bytes: usize,
}

/// Reads the entry of `key`, or takes the lead to compute it. Never fails: what cannot be read is
/// computed.
pub(crate) async fn read<V, F: Form<V>>(
    inner: &Arc<Inner>,
    backend: &Arc<dyn Backend>,
    key: StoreKey,
    release: Release,
) -> Reading<V> {
    let mut waits = Waits::default();
    let mut rearmed = false;
    let right = loop {
        let Lookup { found, lead } = match Asking::new(backend, &key).await {
            Ok(lookup) => lookup,
            Err(error) => {
                inner.backend_failed(&error);
                break Right::Nothing;
            }
        };
        if let Some(found) = found.filter(|found| !found.stale) {
            match open::<V, F>(found, &key, release) {
                Ok(value) => {
                    inner.counters.backend_hits.add();
                    return Reading::Value(value);
                }
                Err(defect) => {
                    inner.unusable(&key, defect);
                    if defect.leave_alone() {
                        break Right::Nothing;
                    }
                }
            }
            // Whoever reads a defective entry removes it and reads once more, so that someone
            // leads; that it is defective again is left to the next caller.
            if std::mem::replace(&mut rearmed, true) || backend.remove(&key).await.is_err() {
                break Right::Nothing;
            }
            continue;
        }
        match lead {
            Lead::Mine(token) => break Right::Fenced(token),
            Lead::Unfenced => break Right::Unfenced,
            Lead::None => break Right::Nothing,
            Lead::Other if waits.next(inner).await => {}
            Lead::Other => {
                inner.counters.lead_timeouts.add();
                break Right::Nothing;
            }
        }
    };
    Reading::Compute(Leading::new(inner, key, right))
}

/// Reads the entry of `key`; what is computed because there is none is not stored.
pub(crate) async fn read_only<V, F: Form<V>>(
    inner: &Arc<Inner>,
    backend: &Arc<dyn Backend>,
    key: StoreKey,
    release: Release,
) -> Reading<V> {
    match peek::<V, F>(inner, backend, &key, release).await {
        Ok(Some(value)) => Reading::Value(value),
        Ok(None) | Err(_) => Reading::Compute(Leading::new(inner, key, Right::Nothing)),
    }
}

/// Reads the entry of `key` without taking the lead from anyone.
///
/// # Errors
/// Those of the backend: an outage is not a miss.
pub(crate) async fn peek<V, F: Form<V>>(
    inner: &Arc<Inner>,
    backend: &Arc<dyn Backend>,
    key: &StoreKey,
    release: Release,
) -> Result<Option<Value<V>>> {
    let lookup = backend
        .get(key, Want::Value)
        .await
        .inspect_err(|e| inner.backend_failed(e))?;
    Ok(usable::<V, F>(inner, lookup, key, release))
}

/// The value of a plain look-up, if it is fresh and whole.
pub(crate) fn usable<V, F: Form<V>>(
    inner: &Inner,
    lookup: Lookup,
    key: &StoreKey,
    release: Release,
) -> Option<Value<V>> {
    let found = lookup.found.filter(|found| !found.stale)?;
    match open::<V, F>(found, key, release) {
        Ok(value) => {
            inner.counters.backend_hits.add();
            Some(value)
        }
        Err(defect) => {
            inner.unusable(key, defect);
            None
        }
    }
}

fn open<V, F: Form<V>>(
    found: Found,
    key: &StoreKey,
    release: Release,
) -> Result<Value<V>, Unusable> {
    let envelope = envelope::open(found.value, release.codec, key).map_err(Unusable::Defect)?;
    let value = F::decode(&envelope.payload).map_err(|_| Unusable::Undecodable)?;
    Ok(Value {
        value,
        left: found.left.unwrap_or(UNTOLD),
        ttl: Ttl::new(envelope.header.ttl).unwrap_or(Ttl::NEVER),
        bytes: envelope::HEADER_LEN + envelope.payload.len(),
    })
}

/// Why an entry cannot be used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Unusable {
    Defect(Defect),
    Undecodable,
}

impl Unusable {
    pub(crate) fn leave_alone(self) -> bool {
        matches!(self, Self::Defect(defect) if defect.leave_alone())
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Defect(defect) => defect.as_str(),
            Self::Undecodable => "undecodable",
        }
    }
}

/// The pauses of a reader that waits for another process, growing and jittered.
#[derive(Default)]
struct Waits {
    spent: Duration,
    pause: Duration,
}

impl Waits {
    /// Pauses; false once the budget is spent.
    async fn next(&mut self, inner: &Inner) -> bool {
        if self.spent >= WAIT_BUDGET {
            return false;
        }
        self.pause = (self.pause * 2).clamp(FIRST_POLL, LAST_POLL);
        let jittered = self
            .pause
            .mul_f64(0.5 + f64::from(random() % 1_000) / 2_000.0);
        self.spent += jittered;
        inner.clock.sleep(jittered).await;
        true
    }
}

/// The key in the store of `key`, with the backend that has it; `None` for what stays here.
pub(crate) fn place<'a, V, F: Form<V>>(
    inner: &'a Inner,
    key: &Key<V, F>,
) -> Option<(&'a Arc<dyn Backend>, StoreKey, Release)> {
    let backend = inner.backend.as_ref()?;
    let (store_key, release) = key.store_key(&inner.config.namespace, None)?;
    Some((backend, store_key, release))
}
