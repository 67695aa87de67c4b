//! The look of the leader of a flight: at what this process has, then at the backend.

mod many;

use std::sync::Arc;
use std::time::Duration;

use crate::backend::Ttl;
use crate::cache::Inner;
use crate::cache::arguments::Key;
use crate::cache::computation::{Computation, Remote};
use crate::cache::entry::Entry;
use crate::cache::form::Form;
use crate::cache::old::Old;
use crate::cache::place::Place;
use crate::cache::remote::{Ask, Reading};
use crate::cache::stats::Event;
use crate::cache::tags;
use crate::l1::{Fill, Look, Mark};
use crate::policy::flight::{Landing, Leader, Moment, Offering, WAIT_BUDGET};

pub(crate) use many::Sighted;

/// What is to be looked for, by the leader of a flight.
#[derive(Debug)]
pub(crate) struct Sought<V, F> {
    pub(crate) inner: Arc<Inner>,
    pub(crate) key: Key<V, F>,
    /// The ttl of this call.
    pub(crate) ttl: Ttl,
    /// Who is told what there is meanwhile.
    pub(crate) offering: Offering,
    /// Whether the caller can be told that there is nothing.
    pub(crate) tells_absent: bool,
    /// Whether this is before its time, for what this process has.
    pub(crate) refreshing: bool,
    /// Whether it is to be computed whatever there is.
    pub(crate) anew: bool,
    /// Whether the process that computes may wait for this one, and is not to be waited for for long.
    pub(crate) briefly: bool,
}

/// What the look came to.
#[derive(Debug)]
pub(crate) enum Begun<V, F> {
    Found(Found<V>),
    Compute(Box<Computation<V, F>>),
    /// What is found is fresh, and computed anew in a flight of its own.
    Refresh(Found<V>, Leader, Box<Computation<V, F>>),
}

#[derive(Debug)]
pub(crate) enum Found<V> {
    Value(Arc<V>),
    /// In grace, and another process computes, or nobody is to.
    Stale(Arc<V>),
    /// The origin has said that there is nothing.
    Absent,
}

impl<V: Send + Sync + 'static> Found<V> {
    /// What `entry` says.
    fn of(entry: &Entry<V>) -> Self {
        match &entry.value {
            None => Self::Absent,
            Some(value) if entry.fresh.is_zero() => Self::Stale(Arc::clone(value)),
            Some(value) => Self::Value(Arc::clone(value)),
        }
    }

    /// The same, for all who are in the flight.
    pub(crate) fn landing(&self) -> Landing {
        match self {
            Self::Value(value) => Landing::Value(Arc::clone(value) as _),
            Self::Stale(value) => Landing::Stale(Arc::clone(value) as _),
            Self::Absent => Landing::Absent,
        }
    }
}

/// What the namespace of an entry is, and for how long that is known.
struct Bounds {
    token: Option<u64>,
    l1_until_ms: u64,
    /// Before the token was asked for.
    from: Moment,
}

impl Bounds {
    fn of(place: &Place<'_>, from: Moment) -> Self {
        Self {
            token: place.token,
            l1_until_ms: place.l1_until_ms,
            from,
        }
    }

    /// Says since when it is true what was asked for at the moment `asked`: what is found with a
    /// token is as old as that.
    fn vouch(self, asked: &Moment, share: Duration) {
        match self.token {
            None => asked.vouches(share),
            Some(_) => {
                let left_ms = self.l1_until_ms.saturating_sub(self.from.at_ms);
                self.from.vouches(share.min(Duration::from_millis(left_ms)));
            }
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
        let fill = self.fill();
        let kept = match self.kept() {
            Ok(kept) => kept,
            Err(found) => return Begun::Found(found),
        };
        let from = self.moment();
        let place = match Place::of(&self.inner, &self.key).await {
            Ok(None) => return self.compute(fill, None, kept, false),
            Ok(Some(place)) => place,
            Err(_) => {
                self.wait_for_refresh().await;
                return self.compute(fill, None, kept, true);
            }
        };
        let bounds = Bounds::of(&place, from);
        let ask = self.ask(place);
        let reading = ask.read::<V, F>(|entry| self.offer(entry)).await;
        self.begun(fill, kept, bounds, reading).await
    }

    async fn wait_for_refresh(&self) {
        let (key, function) = (self.key.bytes(), self.key.function());
        self.inner.refreshed(key, function, self.budget()).await;
    }

    /// Now, in the flight.
    fn moment(&self) -> Moment {
        self.offering.moment(self.inner.clock.monotonic_ms())
    }

    /// How long to wait for who computes it.
    fn budget(&self) -> Duration {
        let deadline = self.key.function().asks().deadline();
        match self.briefly {
            true => WAIT_BUDGET.min(deadline),
            false => deadline,
        }
    }

    /// What is asked of the backend.
    fn ask<'a>(&'a self, place: Place<'a>) -> Ask<'a> {
        let function = self.key.function();
        let policy = function.asks();
        Ask {
            inner: &self.inner,
            function,
            bytes: self.key.bytes(),
            underway: self.inner.refreshes.has(self.key.bytes()),
            budget: self.budget(),
            early: policy.led_within(self.ttl, function.cost()),
            declared: self.key.tags(),
            serve_stale: policy.serves_while_refreshing() && !self.anew,
            tells_absent: self.tells_absent,
            offering: &self.offering,
            place,
        }
    }

    /// What the answer of the backend comes to.
    async fn begun(
        self,
        fill: Fill,
        kept: Option<Old<V>>,
        bounds: Bounds,
        reading: Reading<V>,
    ) -> Begun<V, F> {
        let (token, l1_until_ms) = (bounds.token, bounds.l1_until_ms);
        let ttl = self.ttl;
        match reading {
            Reading::Found(entry, asked) => {
                bounds.vouch(&asked, self.inner.l1_share(entry.ttl));
                Begun::Found(self.found(fill, entry, l1_until_ms))
            }
            Reading::Compute {
                leading,
                old,
                versions,
                away,
                fresh,
            } => {
                if let Some(value) = self.left_alone(old.as_ref()) {
                    leading.hand_back(false).await;
                    return Begun::Found(Found::Stale(value));
                }
                let mut remote = Remote {
                    leading,
                    ttl,
                    versions,
                    token,
                    l1_until_ms,
                };
                match (old, fresh) {
                    (Some(entry), Some(asked)) if !self.anew => {
                        bounds.vouch(&asked, self.inner.l1_share(entry.ttl));
                        self.refreshed(fill, entry, remote).await
                    }
                    (old, _) => {
                        if away {
                            self.wait_for_refresh().await;
                        }
                        let old = self.old(fill.twin(), old, kept, away, l1_until_ms);
                        tags::capture(&self.inner, &mut remote.versions).await;
                        self.compute(fill, Some(remote), old, away)
                    }
                }
            }
        }
    }

    /// Gives out what is fresh, to be computed anew in a flight of its own: who comes meanwhile looks
    /// at the store, and finds the same, or that it was invalidated.
    async fn refreshed(self, fill: Fill, entry: Entry<V>, mut remote: Remote) -> Begun<V, F> {
        let l1_until_ms = remote.l1_until_ms;
        let Some(leader) = self.refresh() else {
            remote.leading.hand_back(false).await;
            return Begun::Found(self.found(fill, entry, l1_until_ms));
        };
        self.inner.count(self.key.function(), Event::Refreshed);
        let found = Found::of(&entry);
        let old = self.old(fill.twin(), Some(entry), None, false, l1_until_ms);
        tags::capture(&self.inner, &mut remote.versions).await;
        let offering = leader.offering();
        let apart = Self { offering, ..self };
        let computation = apart.computation(fill, Some(remote), old, false);
        Begun::Refresh(found, leader, computation)
    }

    /// Computes without asking the backend, and stores nothing in it.
    pub(crate) fn past_backend(self) -> Box<Computation<V, F>> {
        let (fill, started) = (self.fill(), self.started(false));
        let Self { inner, key, .. } = self;
        Box::new(Computation::begin(
            inner, key, fill, None, None, true, started,
        ))
    }

    /// The way into L1, from before anything is read.
    fn fill(&self) -> Fill {
        let mut fill = self.inner.l1.begin(self.key.bytes());
        fill.tag(self.key.tags());
        fill
    }

    /// Counts why what this process has, which is all that there is, is no hit.
    fn missed_here(&self, kept: Option<&Old<V>>) {
        let event = match kept {
            None => Event::Cold,
            Some(old) if old.fresh_until_ms == 0 => Event::Expired,
            Some(_) => return, // before its time
        };
        self.inner.count(self.key.function(), event);
    }

    /// What this process has: a flight may have landed since the caller looked.
    fn kept(&self) -> Result<Option<Old<V>>, Found<V>> {
        let old = |value, left| {
            let until_ms = self.inner.l1.until_ms(self.key.bytes());
            Old::new(Arc::new(value), left, until_ms, &self.inner.clock)
        };
        match self.inner.l1.look::<V>(self.key.bytes()) {
            Look::Fresh { value, .. } if !self.anew && !self.refreshing => {
                self.inner.hit_here(self.key.function());
                Err(Found::Value(Arc::new(value)))
            }
            Look::Fresh { value, left } | Look::Early { value, left } => Ok(Some(old(value, left))),
            Look::Grace { value, .. } => Ok(Some(old(value, Duration::ZERO))),
            Look::Marked(Mark::Absent) if self.tells_absent && !self.anew => Err(Found::Absent),
            Look::Marked(_) | Look::Nothing => Ok(None),
        }
    }

    /// What is in grace, while the origin is left alone because it has failed.
    fn left_alone(&self, old: Option<&Entry<V>>) -> Option<Arc<V>> {
        let in_grace = old.filter(|entry| entry.fresh.is_zero() && !self.anew)?;
        match self.inner.l1.look::<V>(self.key.bytes()) {
            Look::Marked(Mark::Failed) => in_grace.value.clone(),
            _ => None,
        }
    }

    fn found(&self, fill: Fill, entry: Entry<V>, l1_until_ms: u64) -> Found<V> {
        if !entry.fresh.is_zero() {
            self.inner.hit(self.key.function(), &entry);
        }
        let found = Found::of(&entry);
        self.inner.keep(fill, entry, l1_until_ms);
        found
    }

    /// The flight of a refresh, unless this process has begun one.
    fn refresh(&self) -> Option<Leader> {
        let deadline = self.key.function().asks().deadline();
        let refreshes = &self.inner.refreshes;
        refreshes.try_lead(self.key.bytes(), deadline, self.key.tags())
    }

    /// What may be given out instead of a new value: what the backend has; what this process has,
    /// only while the backend is away.
    fn old(
        &self,
        fill: Fill,
        old: Option<Entry<V>>,
        kept: Option<Old<V>>,
        away: bool,
        l1_until_ms: u64,
    ) -> Option<Old<V>> {
        let (inner, function) = (&self.inner, self.key.function());
        let there = old.and_then(|entry| Some((entry.value.clone()?, entry)));
        let Some((value, entry)) = there else {
            if !away {
                inner.l1.drop_grace(self.key.bytes());
                self.offering.withdraw();
            }
            return kept.filter(|_| away);
        };
        let here = inner.l1_share(entry.ttl).min(entry.fresh);
        let left = here.saturating_sub(inner.since(entry.asked_ms));
        let old = Old::new(value, left, entry.until_ms(), &inner.clock);
        inner.keep(fill, entry, l1_until_ms);
        self.offering
            .offer(old.offer(function.asks().serves_while_refreshing()));
        Some(old)
    }

    /// Tells what there is while another process computes. What this process has is older.
    fn offer(&self, entry: Option<&Entry<V>>) {
        self.inner.l1.drop_grace(self.key.bytes());
        let Some((entry, value)) = entry.and_then(|entry| Some((entry, entry.value.as_ref()?)))
        else {
            return self.offering.withdraw();
        };
        let (value, clock) = (Arc::clone(value), &self.inner.clock);
        let old = Old::new(value, Duration::ZERO, entry.until_ms(), clock);
        self.offering.offer(old.offer(false));
    }

    fn compute(
        self,
        fill: Fill,
        remote: Option<Remote>,
        old: Option<Old<V>>,
        away: bool,
    ) -> Begun<V, F> {
        Begun::Compute(self.computation(fill, remote, old, away))
    }

    fn computation(
        self,
        fill: Fill,
        remote: Option<Remote>,
        old: Option<Old<V>>,
        away: bool,
    ) -> Box<Computation<V, F>> {
        if remote.is_none() && !away {
            self.missed_here(old.as_ref());
        }
        let unfenced = remote
            .as_ref()
            .is_some_and(|remote| remote.leading.is_unfenced());
        let started = self.started(unfenced);
        let Self { inner, key, .. } = self;
        let computation = Computation::begin(inner, key, fill, remote, old, away, started);
        Box::new(computation)
    }

    /// Now. In front of a backend, others may end at any moment what is computed from now on.
    fn started(&self, unfenced: bool) -> Moment {
        let started = self.moment();
        if self.inner.backend.is_some() {
            started.vouches(match unfenced {
                true => self.inner.share_unfenced(self.ttl),
                false => self.inner.l1_share(self.ttl),
            });
        }
        started
    }
}
