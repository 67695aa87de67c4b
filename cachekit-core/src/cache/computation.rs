//! One computation of one entry: begun on a miss, and ended with a result to store or without.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::backend::Ttl;
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::entry::Entry;
use crate::cache::form::Form;
use crate::cache::leading::{Leading, Written};
use crate::cache::remote::{Ask, Place, Reading};
use crate::cache::stats::Event;
use crate::cache::tags::{self, Versions};
use crate::clock::Clock;
use crate::envelope::{self, Header};
use crate::l1::{Fill, LocalTags, Look, Mark, Span};
use crate::policy::flight::{Offer, Offering};
use crate::policy::freshness::{Lifetime, early_window};

/// For how long callers of a key whose result is for one caller alone do not wait for each other.
const PASS: Duration = Duration::from_secs(10);
/// For how long an origin that has failed is left alone, where there is something in grace.
const THROTTLE: Duration = Duration::from_secs(5);

/// What is to be looked for, by the leader of a flight.
#[derive(Debug)]
pub(crate) struct Sought<V, F> {
    pub(crate) inner: Arc<Inner>,
    pub(crate) key: Key<V, F>,
    /// The ttl of this call.
    pub(crate) ttl: Ttl,
    /// The declared tags.
    pub(crate) tags: Vec<u64>,
    /// Who is told what there is meanwhile.
    pub(crate) offering: Offering,
    /// Whether the caller can be told that there is nothing.
    pub(crate) tells_absent: bool,
    /// Whether this is before its time, for what this process has.
    pub(crate) refreshing: bool,
    /// Whether it is to be computed whatever there is.
    pub(crate) anew: bool,
}

/// What the look came to.
#[derive(Debug)]
pub(crate) enum Begun<V, F> {
    Found(Found<V>),
    Compute(Computation<V, F>),
}

#[derive(Debug)]
pub(crate) enum Found<V> {
    Value(Arc<V>),
    /// In grace, and another process computes.
    Stale(Arc<V>),
    /// The origin has said that there is nothing.
    Absent,
}

/// What there was before.
#[derive(Clone, Debug)]
pub(crate) struct Old<V> {
    pub(crate) value: Arc<V>,
    /// Until when it is fresh, on the monotonic clock; zero: it is in grace.
    pub(crate) fresh_until_ms: u64,
}

/// A computation that is to run now. Dropped without an end it stores nothing and hands its lead
/// back.
#[derive(Debug)]
pub(crate) struct Computation<V, F> {
    inner: Arc<Inner>,
    key: Key<V, F>,
    fill: Fill,
    /// In front of a backend only.
    remote: Option<Remote>,
    /// What may be given out if it fails, or instead of waiting for it.
    pub(crate) old: Option<Old<V>>,
    /// Whether nobody could say what the backend has.
    pub(crate) away: bool,
    local_tags: LocalTags,
    started_ms: u64,
}

/// What a computation has of the backend.
#[derive(Debug)]
struct Remote {
    leading: Leading,
    /// The declared tags, and what they were before it began.
    declared: Vec<u64>,
    versions: Versions,
    /// Until when L1 may keep what it stores, monotonic.
    l1_until_ms: u64,
}

/// How a computation ends.
#[derive(Debug)]
pub(crate) enum Ending<V> {
    Store {
        value: Arc<V>,
        lifetime: Lifetime,
        /// Beside the declared ones.
        tags: Vec<String>,
    },
    /// The origin has said that there is nothing.
    Absent {
        lifetime: Lifetime,
        tags: Vec<String>,
    },
    /// With a result that is not stored. What there was before is no longer true.
    Drop,
    /// The same, for one caller alone: for a while nobody waits for another.
    Pass,
    /// With an error. What there was before may be served in its place: for a while nobody asks
    /// the origin again.
    Fail,
    /// After its key was given to others.
    Late,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum Ended<V> {
    Plain,
    /// Something newer has happened to the key.
    Superseded,
    Private,
    /// It failed, and this may be served in its place.
    Old(Old<V>),
}

impl<V> Old<V> {
    /// A value that is fresh for `left`.
    pub(crate) fn new(value: Arc<V>, left: Duration, clock: &Clock) -> Self {
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        let fresh_until_ms = match left.is_zero() {
            true => 0,
            false => clock.monotonic_ms().saturating_add(left_ms),
        };
        Self {
            value,
            fresh_until_ms,
        }
    }
}

impl<V: Send + Sync + 'static> Old<V> {
    /// What others are told of it: who may have what is in grace need not wait.
    pub(crate) fn offer(&self, serve_stale: bool) -> Offer {
        Offer {
            value: Arc::clone(&self.value) as _,
            fresh_until_ms: match serve_stale {
                true => u64::MAX,
                false => self.fresh_until_ms,
            },
        }
    }
}

impl<V, F> Sought<V, F>
where
    V: Clone + Send + Sync + 'static,
    F: Form<V>,
{
    /// Looks for the entry once more, also in the backend.
    pub(crate) async fn begin(self) -> Begun<V, F> {
        let fill = self.inner.l1.begin(self.key.bytes());
        let local_tags = self.inner.l1.tags().capture(&self.tags);
        let kept = match self.kept() {
            Ok(kept) => kept,
            Err(found) => return Begun::Found(found),
        };
        let place = match Place::of(&self.inner, &self.key).await {
            Ok(None) => return self.compute(fill, local_tags, None, kept, false),
            Ok(Some(place)) => place,
            Err(_) => return self.compute(fill, local_tags, None, kept, true),
        };
        let function = self.key.function();
        let policy = function.asks();
        let l1_until_ms = place.l1_until_ms;
        let ask = Ask {
            inner: &self.inner,
            function,
            early: policy.grace_of(self.ttl) + early_window(self.ttl.duration(), function.cost()),
            declared: &self.tags,
            serve_stale: policy.serves_while_refreshing() && !self.anew,
            tells_absent: self.tells_absent,
            place,
        };
        match ask.read::<V, F>(|entry| self.offer(entry)).await {
            Reading::Found(entry) => Begun::Found(self.found(fill, entry, local_tags, l1_until_ms)),
            Reading::Compute {
                leading,
                old,
                mut versions,
                away,
            } => {
                let entered = (fill.twin(), local_tags.clone());
                let old = self.old(entered, old, kept, away, l1_until_ms);
                tags::capture(&self.inner, &mut versions).await;
                let remote = Remote {
                    leading,
                    declared: self.tags.clone(),
                    versions,
                    l1_until_ms,
                };
                self.compute(fill, local_tags, Some(remote), old, away)
            }
        }
    }

    /// Computes without asking the backend, and stores nothing in it.
    pub(crate) fn past_backend(self) -> Computation<V, F> {
        let fill = self.inner.l1.begin(self.key.bytes());
        let local_tags = self.inner.l1.tags().capture(&self.tags);
        self.computation(fill, local_tags, None, None, true)
    }

    /// What this process has: a flight may have landed since the caller looked.
    fn kept(&self) -> Result<Option<Old<V>>, Found<V>> {
        let clock = &self.inner.clock;
        match self.inner.l1.look::<V>(self.key.bytes()) {
            Look::Fresh { value, .. } if !self.anew && !self.refreshing => {
                Err(Found::Value(Arc::new(value)))
            }
            Look::Fresh { value, left } | Look::Early { value, left } => {
                Ok(Some(Old::new(Arc::new(value), left, clock)))
            }
            Look::Grace { value, .. } => Ok(Some(Old::new(Arc::new(value), Duration::ZERO, clock))),
            Look::Marked(Mark::Absent) if self.tells_absent && !self.anew => Err(Found::Absent),
            Look::Marked(_) | Look::Nothing => Ok(None),
        }
    }

    fn found(&self, fill: Fill, entry: Entry<V>, tags: LocalTags, l1_until_ms: u64) -> Found<V> {
        let in_grace = entry.fresh.is_zero();
        if !in_grace {
            self.inner.hit(self.key.function(), &entry);
        }
        let value = entry.value.clone();
        self.inner.keep(fill, entry, tags, l1_until_ms);
        match value {
            None => Found::Absent,
            Some(value) if in_grace => Found::Stale(value),
            Some(value) => Found::Value(value),
        }
    }

    /// What may be given out instead of a new value: what the backend has; what this process has,
    /// only while the backend is away.
    fn old(
        &self,
        (fill, tags): (Fill, LocalTags),
        old: Option<Entry<V>>,
        kept: Option<Old<V>>,
        away: bool,
        l1_until_ms: u64,
    ) -> Option<Old<V>> {
        let (inner, function) = (&self.inner, self.key.function());
        let Some(entry) = old else {
            if !away {
                inner.l1.drop_grace(self.key.bytes());
            }
            return kept.filter(|_| away);
        };
        let value = entry.value.clone()?;
        let old = Old::new(value, entry.fresh, &inner.clock);
        if !entry.fresh.is_zero() {
            inner.count(function, Event::Refreshed);
            inner.keep(fill, entry, tags, l1_until_ms);
        }
        self.offering
            .offer(old.offer(function.asks().serves_while_refreshing()));
        Some(old)
    }

    /// Tells what there is while another process computes.
    fn offer(&self, entry: &Entry<V>) {
        if let Some(value) = &entry.value {
            let old = Old::new(Arc::clone(value), Duration::ZERO, &self.inner.clock);
            self.offering.offer(old.offer(false));
        }
    }

    fn compute(
        self,
        fill: Fill,
        local_tags: LocalTags,
        remote: Option<Remote>,
        old: Option<Old<V>>,
        away: bool,
    ) -> Begun<V, F> {
        Begun::Compute(self.computation(fill, local_tags, remote, old, away))
    }

    fn computation(
        self,
        fill: Fill,
        local_tags: LocalTags,
        remote: Option<Remote>,
        old: Option<Old<V>>,
        away: bool,
    ) -> Computation<V, F> {
        let Self { inner, key, .. } = self;
        inner.count(key.function(), Event::Computed);
        let started_ms = inner.clock.monotonic_ms();
        Computation {
            inner,
            key,
            fill,
            remote,
            old,
            away,
            local_tags,
            started_ms,
        }
    }
}

impl<V, F> Computation<V, F>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    /// Ends it. Nothing is stored if something newer has happened to the key meanwhile.
    pub(crate) async fn end(self, ending: Ending<V>) -> Ended<V> {
        let cost = self.spend();
        match ending {
            Ending::Store {
                value,
                lifetime,
                tags,
            } => self.store(Some(value), lifetime, &tags, cost).await,
            Ending::Absent { lifetime, tags } => self.store(None, lifetime, &tags, cost).await,
            Ending::Drop => {
                self.give_up().await;
                Ended::Plain
            }
            Ending::Pass => {
                let (inner, key) = (Arc::clone(&self.inner), self.key.clone());
                self.give_up().await;
                inner
                    .l1
                    .begin(key.bytes())
                    .complete_mark(Mark::Pass, PASS, LocalTags::default());
                Ended::Private
            }
            Ending::Fail => self.fail().await,
            Ending::Late => Ended::Plain,
        }
    }

    async fn store(
        mut self,
        value: Option<Arc<V>>,
        lifetime: Lifetime,
        tags: &[String],
        cost: Duration,
    ) -> Ended<V> {
        let names: Vec<u64> = tags.iter().map(|name| tags::hash(name)).collect();
        self.local_tags.add(&names);
        let encoded = match self.encoded(value.as_deref()) {
            Ok(encoded) => encoded,
            Err(refusal) => {
                self.refuse(&*refusal).await;
                return Ended::Plain;
            }
        };
        let Some(remote) = self.remote.take() else {
            let span = match self.away {
                true => lifetime.over_store(self.inner.l1_bound()),
                false => lifetime.here(cost),
            };
            Self::let_in(self.fill, value, span, encoded.bytes, self.local_tags);
            return Ended::Plain;
        };
        let header = self.inner.header::<V, F>(lifetime, cost, value.is_none());
        let until_ms = remote.l1_until_ms;
        let written = remote
            .store(
                &self.inner,
                encoded.buffer,
                &header,
                lifetime,
                &names,
                self.started_ms,
            )
            .await;
        if written == Written::Superseded {
            return Ended::Superseded;
        }
        let span = lifetime.over_store(self.inner.l1_bound_until(until_ms));
        Self::let_in(self.fill, value, span, encoded.bytes, self.local_tags);
        Ended::Plain
    }
}

/// A value as bytes, or how many those would be.
struct Encoded {
    buffer: Vec<u8>,
    bytes: usize,
}

type Reason = Box<dyn fmt::Display + Send + Sync>;

impl<V, F> Computation<V, F>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    fn encoded(&self, value: Option<&V>) -> Result<Encoded, Reason> {
        if let Some(refusal) = F::refusal() {
            return Err(Box::new(refusal));
        }
        let mut buffer = envelope::begin();
        let bytes = match value {
            None => Ok(0),
            Some(value) if self.remote.is_none() => {
                F::measure(value).map(|bytes| bytes + size_of::<V>())
            }
            Some(value) => F::encode(value, &mut buffer).map(|()| buffer.len()),
        };
        match bytes {
            Ok(bytes) => Ok(Encoded { buffer, bytes }),
            Err(error) => Err(Box::new(error)),
        }
    }

    fn let_in(fill: Fill, value: Option<Arc<V>>, span: Span, bytes: usize, tags: LocalTags) {
        match value {
            Some(value) => fill.complete(value, span, bytes, tags),
            None => fill.complete_mark(Mark::Absent, span.fresh, tags),
        }
    }

    async fn refuse(self, reason: &(dyn fmt::Display + Sync)) {
        let function = self.key.function();
        self.inner.count(function, Event::Refused);
        function.refuse(reason);
        if let Some(remote) = self.remote {
            remote.leading.hand_back(false).await;
        }
    }

    async fn give_up(self) {
        let outdated = self.old.is_some();
        if outdated {
            self.inner.l1.drop_grace(self.key.bytes());
        }
        if let Some(remote) = self.remote {
            remote.leading.hand_back(outdated).await;
        }
    }

    async fn fail(self) -> Ended<V> {
        self.inner.count(self.key.function(), Event::Failed);
        match (self.old, self.remote) {
            (Some(old), remote) => {
                // The lead stays where it is: as long as it stands, others serve what is in grace.
                if let Some(remote) = remote {
                    remote.leading.leave();
                }
                self.inner.l1.throttle(self.key.bytes(), THROTTLE);
                Ended::Old(old)
            }
            (None, remote) => {
                if let Some(remote) = remote {
                    remote.leading.hand_back(false).await;
                }
                Ended::Plain
            }
        }
    }

    /// How long the computation took, counted.
    fn spend(&self) -> Duration {
        let now_ms = self.inner.clock.monotonic_ms();
        let cost = Duration::from_millis(now_ms.saturating_sub(self.started_ms));
        self.inner.spent(self.key.function(), cost);
        cost
    }
}

impl Remote {
    /// Stores an entry, with the tags as they were before it was computed.
    async fn store(
        mut self,
        inner: &Inner,
        buffer: Vec<u8>,
        header: &Header,
        lifetime: Lifetime,
        named_late: &[u64],
        started_ms: u64,
    ) -> Written {
        let unread: Vec<u64> = named_late
            .iter()
            .filter(|name| !self.declared.contains(name))
            .copied()
            .collect();
        if !unread.is_empty() && self.leading.may_store() {
            self.versions
                .extend(tags::late(inner, &unread, started_ms).await);
        }
        let names = [self.declared, unread].concat();
        match self.versions.captured(&names) {
            Some(tags) => {
                self.leading
                    .store(buffer, header, &tags, lifetime.whole())
                    .await
            }
            None => {
                self.leading.hand_back(false).await;
                Written::NotStored
            }
        }
    }
}
