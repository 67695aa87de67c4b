//! One computation of one entry: ended with a result to store, or without.

mod storable;

use std::sync::Arc;
use std::time::Duration;

use crate::backend::Ttl;
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::form::Form;
use crate::cache::function::Function;
use crate::cache::leading::Leading;
use crate::cache::old::Old;
use crate::cache::outgoing::{Entering, Outgoing};
use crate::cache::stats::Event;
use crate::cache::tags::{self, Versions};
use crate::envelope::{Header, TagVersion};
use crate::l1::{Fill, Mark};
use crate::policy::flight::Moment;
use crate::policy::freshness::{Lifetime, Policy};
use crate::policy::race;

/// For how long callers of a key whose result is for one caller alone do not wait for each other, nor
/// processes for one whose result cannot be stored.
const PASS: Ttl = Ttl::from_secs(10);
/// For how long an origin that has failed is left alone, where there is something in grace.
const THROTTLE: Duration = Duration::from_secs(5);

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
    started: Moment,
}

/// What a computation has of the backend.
#[derive(Debug)]
pub(crate) struct Remote {
    pub(crate) leading: Leading,
    /// The ttl that readers go by.
    pub(crate) ttl: Ttl,
    /// What the declared tags were before it began.
    pub(crate) versions: Versions,
    /// The token of the namespace.
    pub(crate) token: Option<u64>,
    /// Until when L1 may keep what is stored, monotonic.
    pub(crate) l1_until_ms: u64,
}

/// A computation that has ended, or that ends with a write.
enum Closed<V> {
    Ended(Ended<V>),
    Outgoing(Box<Outgoing<V>>),
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
    /// After its key was given to others. `private`: it is for one caller alone all the same.
    Late { private: bool },
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

impl<V> Ending<V> {
    /// Tells what a computation takes: one that has failed at once says nothing of the next.
    fn teaches(&self, function: &Function, cost: Duration) {
        if !matches!(self, Self::Fail) {
            function.learns(cost);
        }
    }

    /// What this is after the key was given to others.
    pub(crate) const fn late(&self) -> Self {
        Self::Late {
            private: matches!(self, Self::Pass),
        }
    }
}

impl<V, F> Computation<V, F> {
    /// A computation that begins at the moment `started`, now.
    pub(crate) fn begin(
        inner: Arc<Inner>,
        key: Key<V, F>,
        fill: Fill,
        remote: Option<Remote>,
        old: Option<Old<V>>,
        away: bool,
        started: Moment,
    ) -> Self {
        inner.count(key.function(), Event::Computed);
        Self {
            inner,
            key,
            fill,
            remote,
            old,
            away,
            started,
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
        let cost = self.cost();
        self.inner.spent(self.key.function(), cost);
        ending.teaches(self.key.function(), cost);
        match self.close(ending, cost).await {
            Closed::Ended(ended) => ended,
            Closed::Outgoing(outgoing) => outgoing.send().await,
        }
    }

    /// [`end`](Self::end) of all that one call of the origin has computed: what is to be stored
    /// takes one call of the backend.
    pub(crate) async fn end_many(all: Vec<(Self, Ending<V>)>) -> Vec<Ended<V>> {
        if let Some((first, _)) = all.first() {
            let (function, cost) = (first.key.function(), first.cost());
            first.inner.spent(function, cost);
            all.iter()
                .for_each(|(_, ending)| ending.teaches(function, cost));
        }
        let close = |(computation, ending): (Self, _)| async move {
            let cost = computation.cost();
            computation.close(ending, cost).await
        };
        let (mut ended, mut outgoing) = (Vec::with_capacity(all.len()), Vec::new());
        for closed in race::all(all.into_iter().map(close)).await {
            ended.push(match closed {
                Closed::Ended(ended) => Some(ended),
                Closed::Outgoing(one) => {
                    outgoing.push(*one);
                    None
                }
            });
        }
        let mut sent = Outgoing::send_many(outgoing).await.into_iter();
        let ended = ended.into_iter();
        ended
            .filter_map(|ended| ended.or_else(|| sent.next()))
            .collect()
    }

    /// Ends it but for the write to the backend.
    async fn close(self, ending: Ending<V>, cost: Duration) -> Closed<V> {
        let ended = match ending {
            Ending::Store {
                value,
                lifetime,
                tags,
            } => return self.store(Some(value), lifetime, &tags, cost).await,
            Ending::Absent { lifetime, tags } => {
                return self.store(None, lifetime, &tags, cost).await;
            }
            Ending::Drop => {
                let stands = self.fill.stands();
                self.give_up().await;
                if stands {
                    Ended::Plain
                } else {
                    Ended::Superseded
                }
            }
            Ending::Pass => {
                let fill = self.fill.twin();
                self.mark().await;
                fill.complete_mark(Mark::Pass, PASS.duration());
                Ended::Private
            }
            Ending::Fail => self.fail().await,
            Ending::Late { private: false } => Ended::Plain,
            Ending::Late { private: true } => Ended::Private,
        };
        Closed::Ended(ended)
    }

    async fn store(
        mut self,
        value: Option<Arc<V>>,
        lifetime: Lifetime,
        tags: &[String],
        cost: Duration,
    ) -> Closed<V> {
        let names = self.named_late(tags);
        self.fill.tag(&names);
        let tags = self.key.tags().len() + names.len();
        let (mut computation, encoded) = match self.storable(value.as_deref(), tags).await {
            Ok(storable) => storable,
            Err(ended) => return Closed::Ended(ended),
        };
        let Some(remote) = computation.remote.take() else {
            let ended = computation.enter(value, encoded.bytes, lifetime, cost);
            return Closed::Ended(ended);
        };
        let (inner, function) = (computation.inner, computation.key.function());
        let (fill, started) = (computation.fill, computation.started);
        let header = inner.header::<V, F>(lifetime, cost, value.is_none());
        let (header, mark) = remote.headers(function.asks(), header);
        let (token, l1_until_ms, bytes) = (remote.token, remote.l1_until_ms, encoded.bytes);
        let (leading, tags) = remote
            .tagged(&inner, computation.key.tags(), &names, started.at_ms)
            .await;
        let write = leading.and_then(|leading| leading.seal(encoded.buffer, &header, &tags));
        Closed::Outgoing(Box::new(Outgoing {
            function,
            write,
            mark,
            tags,
            token,
            lifetime,
            l1_until_ms,
            sent: started.later(inner.clock.monotonic_ms()),
            started,
            entering: Entering { fill, value, bytes },
            inner,
        }))
    }

    /// Lets it into L1, which is all that it goes to.
    fn enter(
        self,
        value: Option<Arc<V>>,
        bytes: usize,
        life: Lifetime,
        cost: Duration,
    ) -> Ended<V> {
        let span = match self.away {
            true => life.over_store(self.inner.l1_bound()).aged(cost),
            false => self.inner.span_here(life, cost),
        };
        let fill = self.fill;
        Entering { fill, value, bytes }.enter(span)
    }

    /// Gives up what something newer has overtaken. Its caller is given it all the same, and nobody
    /// what is older yet.
    async fn give_up_late(self) {
        self.inner.l1.drop_grace(self.key.bytes());
        if let Some(remote) = self.remote {
            if remote.leading.may_store() {
                let function = self.key.function();
                self.inner.superseded(function, Event::SupersededHere);
            }
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

    /// Gives up a result that cannot be stored, and lets other processes know: else each would lead
    /// in turn while the others wait for it, in vain.
    async fn mark(self) {
        let outdated = self.old.is_some();
        if outdated {
            self.inner.l1.drop_grace(self.key.bytes());
        }
        let lifetime = Lifetime {
            ttl: PASS,
            grace: Duration::ZERO,
        };
        let header = self.inner.header::<V, F>(lifetime, self.cost(), false);
        if let Some(remote) = self.remote {
            let (_, mark) = remote.headers(self.key.function().asks(), header);
            remote.leading.mark(&mark, outdated).await;
        }
    }

    async fn fail(self) -> Ended<V> {
        self.inner.count(self.key.function(), Event::Failed);
        if let Some(remote) = self.remote {
            remote.leading.hand_back(false).await;
        }
        let now_ms = self.inner.clock.monotonic_ms();
        // What was expired meanwhile is still there, what was removed is not.
        let removed = !self.fill.stands() && !self.inner.l1.has(self.key.bytes());
        let old = self.old.filter(|old| !removed && now_ms < old.until_ms);
        let Some(old) = old else {
            return Ended::Plain;
        };
        // Where this process keeps no copy of it, it remembers the failure alone.
        if !self.inner.l1.throttle(self.key.bytes(), THROTTLE) {
            self.fill.complete_mark(Mark::Failed, THROTTLE);
        }
        Ended::Old(old)
    }

    /// How long the computation took.
    fn cost(&self) -> Duration {
        self.inner.since(self.started.at_ms)
    }
}

impl Remote {
    /// The header of an entry, as a store is to keep it, and that of the mark that results of its key
    /// cannot be stored.
    fn headers(&self, policy: &Policy, mut entry: Header) -> (Header, Header) {
        let mark = Header {
            ttl: PASS.duration(),
            // It is not worth beginning early.
            grace: policy.led_within(self.ttl, entry.cost),
            absent: false,
            uncacheable: true,
            no_grace: true,
            ..entry
        };
        if entry.grace.is_zero() {
            entry.grace = policy.kept_after(entry.ttl, self.ttl, entry.cost);
            entry.no_grace = !entry.grace.is_zero();
        }
        (entry, mark)
    }

    /// The tags of an entry as they were before it was computed. Without them the lead is of no
    /// use, and is handed back.
    async fn tagged(
        mut self,
        inner: &Inner,
        declared: &[u64],
        named_late: &[u64],
        started_ms: u64,
    ) -> (Option<Leading>, Vec<TagVersion>) {
        if !named_late.is_empty() && self.leading.may_store() {
            let late = tags::late(inner, named_late, started_ms).await;
            self.versions.extend(late);
        }
        let names = [declared, named_late].concat();
        match self.versions.captured(&names) {
            Some(tags) => (Some(self.leading), tags),
            None => {
                self.leading.hand_back(false).await;
                (None, Vec::new())
            }
        }
    }
}
