//! One computation of one entry: begun on a miss, finished with a value or given up.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::Ttl;
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::form::Form;
use crate::cache::leading::{Leading, Right, Written};
use crate::cache::remote::{self, Reading};
use crate::envelope::{self, Header};
use crate::l1::{Fill, LocalTags, Span};
use crate::policy::ttl::{jittered, l1_age};

/// What a miss in L1 comes to.
#[derive(Debug)]
pub(crate) enum Begun<V, F> {
    Found(V),
    Compute(Computation<V, F>),
}

/// A computation that is to run now. Dropped without being finished it stores nothing and hands
/// its lead back.
#[derive(Debug)]
pub(crate) struct Computation<V, F> {
    inner: Arc<Inner>,
    key: Key<V, F>,
    fill: Fill,
    /// In front of a backend only.
    leading: Option<Leading>,
    started_ms: u64,
}

/// Looks for the entry once more, also in the backend.
pub(crate) async fn begin<V, F>(inner: Arc<Inner>, key: Key<V, F>) -> Begun<V, F>
where
    V: Clone + Send + Sync + 'static,
    F: Form<V>,
{
    let fill = inner.l1.begin(key.bytes());
    if let Some(value) = inner.l1.get::<V>(key.bytes()) {
        return Begun::Found(value);
    }
    let mut leading = None;
    if let Some((backend, store_key, release)) = remote::place(&inner, &key) {
        let head = key.function().head(&inner.config.namespace);
        let reading = match inner.releases.register(&inner, &head, release).await {
            Ok(()) => remote::read::<V, F>(&inner, backend, store_key, release).await,
            Err(_) => remote::read_only::<V, F>(&inner, backend, store_key, release).await,
        };
        match reading {
            Reading::Value(found) => {
                let value = Arc::new(found.value);
                let age = l1_age(found.left, found.ttl, inner.l1_bound());
                let span = Span::fresh_only(age);
                fill.complete(Arc::clone(&value), span, found.bytes, LocalTags::default());
                return Begun::Found(Arc::unwrap_or_clone(value));
            }
            Reading::Compute(lead) => leading = Some(lead),
        }
    }
    Begun::Compute(Computation::new(inner, key, fill, leading))
}

/// Computes without asking the backend, and stores nothing in it.
pub(crate) fn past_backend<V, F: Form<V>>(inner: Arc<Inner>, key: Key<V, F>) -> Begun<V, F> {
    let fill = inner.l1.begin(key.bytes());
    let leading = remote::place(&inner, &key)
        .map(|(_, store_key, _)| Leading::new(&inner, store_key, Right::Nothing));
    Begun::Compute(Computation::new(inner, key, fill, leading))
}

impl<V, F> Computation<V, F> {
    fn new(inner: Arc<Inner>, key: Key<V, F>, fill: Fill, leading: Option<Leading>) -> Self {
        inner.counters.computed.add();
        let started_ms = inner.clock.monotonic_ms();
        Self {
            inner,
            key,
            fill,
            leading,
            started_ms,
        }
    }
}

impl<V, F> Computation<V, F>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    /// Stores `value` for `ttl`, in L1 and in the backend, unless something newer has happened to
    /// the key; without one, lets the next caller compute. Answers whether a newer one is in the
    /// backend.
    pub(crate) async fn end(self, stored: Option<(Arc<V>, Ttl)>) -> bool {
        match stored {
            Some((value, ttl)) => self.store(value, ttl).await,
            None => {
                self.give_up().await;
                false
            }
        }
    }

    async fn store(self, value: Arc<V>, ttl: Ttl) -> bool {
        let ttl = jittered(ttl);
        if let Some(refusal) = F::refusal() {
            self.refuse(refusal).await;
            return false;
        }
        if self.leading.is_some() {
            return self.store_remote(value, ttl).await;
        }
        match F::measure(&value) {
            Ok(bytes) => {
                self.fill.complete(
                    value,
                    Span::fresh_only(ttl.duration()),
                    bytes + size_of::<V>(),
                    LocalTags::default(),
                );
            }
            Err(error) => self.refuse(&error).await,
        }
        false
    }

    async fn store_remote(mut self, value: Arc<V>, ttl: Ttl) -> bool {
        let Some(leading) = self.leading.take() else {
            return false;
        };
        let mut entry = envelope::begin();
        if let Err(error) = F::encode(&value, &mut entry) {
            leading.hand_back().await;
            self.refuse(&error).await;
            return false;
        }
        let bytes = entry.len();
        let written = if leading.may_store() {
            let entry = envelope::seal(entry, &self.header(ttl), &[], leading.key());
            leading.store(entry, ttl).await
        } else {
            Written::NotStored
        };
        if written != Written::Superseded {
            let age = l1_age(ttl.duration(), ttl, self.inner.l1_bound());
            self.fill
                .complete(value, Span::fresh_only(age), bytes, LocalTags::default());
        }
        written == Written::Superseded
    }

    async fn give_up(mut self) {
        if let Some(leading) = self.leading.take() {
            leading.hand_back().await;
        }
    }

    async fn refuse(self, reason: &(dyn std::fmt::Display + Sync)) {
        self.inner.counters.refused.add();
        self.key.function().refuse(reason);
        self.give_up().await;
    }

    fn header(&self, ttl: Ttl) -> Header {
        // Every codec is one number; `place` has found a release, or there were no lead.
        let codec = F::release(0).map_or(0, |release| release.codec);
        let cost = self
            .inner
            .clock
            .monotonic_ms()
            .saturating_sub(self.started_ms);
        self.inner.header(codec, ttl, Duration::from_millis(cost))
    }
}
