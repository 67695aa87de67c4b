//! The cache's side of a backend: from bytes with a lead to a value, or to the right to compute it.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Lead, Lookup, Want};
use crate::cache::Inner;
use crate::cache::asking::{self, Asking};
use crate::cache::entry::{Entry, Miss, Open};
use crate::cache::form::Form;
use crate::cache::function::Function;
use crate::cache::leading::{Leading, Right};
use crate::cache::place::Place;
use crate::cache::stats::Event;
use crate::cache::tags::{self, Versions};
use crate::cache::waits::Waits;
use crate::error::Result;
use crate::policy::flight::{Moment, Offering};
use crate::policy::race::both;

/// What a read of the backend came to.
#[derive(Debug)]
pub(crate) enum Reading<V> {
    /// There is an entry that can be served, and nobody needs to compute, or another does.
    /// It was asked for at that moment.
    Found(Entry<V>, Moment),
    /// This reader computes, if it has no use for what is there.
    Compute {
        leading: Leading,
        /// What is there: fresh and about to end, or in grace.
        old: Option<Entry<V>>,
        /// What the declared tags are.
        versions: Versions,
        /// Whether nobody could say what is there.
        away: bool,
        /// When it was asked for what is there, if that is fresh: nobody needs to wait.
        fresh: Option<Moment>,
    },
}

/// A read that may be given the lead.
pub(crate) struct Ask<'a> {
    pub(crate) inner: &'a Arc<Inner>,
    pub(crate) function: &'static Function,
    pub(crate) place: Place<'a>,
    /// That of the flight that this is a part of.
    pub(crate) offering: &'a Offering,
    /// With less than this left a reader may be given the lead: the grace, and the early window.
    pub(crate) early: Duration,
    /// How long to wait for another process.
    pub(crate) budget: Duration,
    /// The key in this process.
    pub(crate) bytes: &'a [u8],
    /// Whether this process refreshes the entry: nobody else here computes it, nor waits while what
    /// is there is fresh.
    pub(crate) underway: bool,
    /// The declared tags.
    pub(crate) declared: &'a [u64],
    /// Whether what is in grace is served while another process computes.
    pub(crate) serve_stale: bool,
    /// Whether an entry that says that there is nothing is of use.
    pub(crate) tells_absent: bool,
}

/// What one look has found.
pub(crate) struct Seen<V> {
    /// When it was asked for.
    asked: Moment,
    entry: Option<Entry<V>>,
    /// Why there is no fresh one.
    miss: Option<Miss>,
    lead: Lead,
    versions: Versions,
}

impl<V> Seen<V> {
    pub(crate) fn new(
        asked: Moment,
        opened: Result<(Entry<V>, Option<Miss>), Miss>,
        lead: Lead,
        versions: Versions,
    ) -> Self {
        let (entry, miss) = match opened {
            Ok((entry, miss)) => (Some(entry), miss),
            Err(miss) => (None, Some(miss)),
        };
        Self {
            asked,
            entry,
            miss,
            lead,
            versions,
        }
    }

    /// The entry that is there, fresh or in grace.
    pub(crate) fn entry(&self) -> Option<&Entry<V>> {
        self.entry.as_ref()
    }
}

/// What a reader does next.
pub(crate) enum Next<V> {
    Done(Reading<V>),
    /// Look again, for the lead of what the store takes for fresh.
    Insist(Seen<V>),
    /// The same, although that was not given when it was asked for.
    Arm(Seen<V>),
    /// Look again later: another process computes.
    Wait(Seen<V>),
}

/// What follows from a look.
enum Step {
    Serve,
    Compute(Right),
    /// Ask for the lead of what the store takes for fresh.
    Insist,
    /// It was asked for, and not given.
    Arm,
    /// Another process computes.
    Wait,
}

impl Ask<'_> {
    /// Reads the entry, or takes the lead to compute it. Never fails: what cannot be read is
    /// computed. `meanwhile` is told what there is until it comes to an end.
    pub(crate) async fn read<V, F: Form<V>>(
        mut self,
        meanwhile: impl Fn(Option<&Entry<V>>),
    ) -> Reading<V> {
        let mut early = self.early().await;
        let mut waits = Waits::within(self.budget);
        let mut armed = false;
        loop {
            // One who waits keeps its key: else each of those who wait for it would ask as well.
            self.offering.prolong(self.inner.clock.monotonic_ms());
            let seen = self.look::<V, F>(early).await;
            if waits.bears_with(&seen) && self.wait(&mut waits).await {
                continue;
            }
            match self.next(seen, early) {
                Next::Done(reading) => return reading,
                Next::Insist(seen) => {
                    meanwhile(seen.entry());
                    early = Some(Duration::MAX);
                }
                Next::Arm(seen) if armed => return self.missed(Right::Nothing, seen),
                Next::Arm(seen) => {
                    meanwhile(seen.entry());
                    armed = true;
                    self.arm().await;
                }
                Next::Wait(seen) if self.underway => {
                    meanwhile(seen.entry());
                    self.inner
                        .refreshed(self.bytes, self.function, self.budget)
                        .await;
                    self.underway = false;
                }
                Next::Wait(seen) => {
                    meanwhile(seen.entry());
                    if !self.wait(&mut waits).await {
                        return self.missed(Right::Nothing, seen);
                    }
                }
            }
        }
    }

    /// Pauses before the next look; false once the budget is spent.
    async fn wait(&self, waits: &mut Waits) -> bool {
        let count = |event| self.inner.count(self.function, event);
        if waits.are_new() {
            count(Event::LeadLost);
            count(Event::LeadWaited);
        }
        let goes_on = waits.next(self.inner).await;
        count(match goes_on {
            true => Event::Poll,
            false => Event::LeadTimeout,
        });
        goes_on
    }

    /// Says that what is there is of no use: something that another program has stored, for ever,
    /// ends for no reader.
    async fn arm(&self) {
        if let Err(error) = self.place.backend.expire(&self.place.key).await {
            self.inner.backend_failed(self.function, &error);
        }
    }

    /// With less than which time left this reader may be given the lead; `None` if it could not be
    /// noted that its release has entries: nothing may be stored then, and nobody wants the lead.
    pub(crate) async fn early(&self) -> Option<Duration> {
        let head = self.function.head(&self.inner.config.namespace);
        let releases = &self.inner.releases;
        let registered = releases.register(self.inner, &head, self.place.release);
        registered.await.ok().map(|()| self.early)
    }

    /// Looks at the entry and, at the same time, at the declared tags. Without an `early` nobody
    /// wants the lead.
    async fn look<V, F: Form<V>>(&self, early: Option<Duration>) -> Result<Seen<V>> {
        let Place { backend, key, .. } = &self.place;
        let asked = self.moment();
        let lookup = async {
            match early {
                Some(early) => Asking::one(backend, key, self.want(early)).await,
                None => backend.get(key, Want::Value).await,
            }
        };
        let tags = tags::read(self.inner, self.declared);
        let (lookup, mut versions) = both(lookup, tags).await;
        let lookup = lookup?;
        self.told(&lookup);
        let Lookup { found, lead, .. } = lookup;
        let opened = match found {
            None => Err(Miss::Cold),
            Some(found) => {
                let open = self.open(asked.at_ms);
                open.checked::<V, F>(found, self.declared, &mut versions)
                    .await
            }
        };
        Ok(Seen::new(asked, opened, lead, versions))
    }

    pub(crate) fn want(&self, early: Duration) -> Want {
        let takes = match self.underway {
            // Nobody takes over from the own process.
            true => self.function.asks().deadline(),
            false => self.function.cost(),
        };
        asking::lead(early, takes)
    }

    /// Counts what the store tells beside the entry.
    pub(crate) fn told(&self, lookup: &Lookup) {
        if lookup.taken_over {
            self.inner.count(self.function, Event::LeadTakenOver);
        }
    }

    /// Now, in the flight that this is a part of.
    pub(crate) fn moment(&self) -> Moment {
        self.offering.moment(self.inner.clock.monotonic_ms())
    }

    /// How to open what was asked for at that moment.
    pub(crate) fn open(&self, asked_ms: u64) -> Open<'_> {
        Open {
            inner: self.inner,
            function: self.function,
            key: &self.place.key,
            release: self.place.release,
            asked_ms,
        }
    }

    /// What follows from a look.
    pub(crate) fn next<V>(&self, seen: Result<Seen<V>>, early: Option<Duration>) -> Next<V> {
        let seen = match seen {
            Ok(seen) => seen,
            Err(error) => {
                self.inner.backend_failed(self.function, &error);
                let versions = Versions::default();
                return Next::Done(self.compute(Right::Nothing, None, versions, true, None));
            }
        };
        let right = match self.step(&seen, early) {
            Step::Serve => match seen.entry {
                Some(entry) => {
                    if matches!(seen.lead, Lead::Other) && !self.underway {
                        self.inner.count(self.function, Event::LeadLost);
                    }
                    return Next::Done(Reading::Found(entry, seen.asked));
                }
                None => Right::Nothing,
            },
            Step::Compute(right) => right,
            Step::Insist => return Next::Insist(seen),
            Step::Arm => return Next::Arm(seen),
            Step::Wait => return Next::Wait(seen),
        };
        Next::Done(self.missed(right, seen))
    }

    fn step<V>(&self, seen: &Seen<V>, early: Option<Duration>) -> Step {
        let entry = seen.entry.as_ref().filter(|entry| self.usable(entry));
        let fresh = entry.filter(|entry| !entry.fresh.is_zero());
        let right = Right::of(&seen.lead);
        if self.underway {
            self.hand_back(&right);
            return match fresh.is_some() || self.serve_stale && entry.is_some() {
                true => Step::Serve,
                false => Step::Wait,
            };
        }
        match (right, fresh) {
            (right, _) if seen.miss.is_some_and(Miss::leave_alone) => {
                self.hand_back(&right); // to those who can read it
                Step::Compute(Right::Nothing)
            }
            // What has more time than this has less grace than others, and needs nobody yet.
            (right, Some(entry)) if !entry.is_early() => {
                self.hand_back(&right);
                Step::Serve
            }
            // A store that tells no times could not know, and may choose one who computes now.
            (Right::Unfenced, _)
                if seen.entry.is_some() && early.is_some_and(|early| early < Duration::MAX) =>
            {
                Step::Insist
            }
            (Right::Nothing, Some(_)) => Step::Serve,
            (Right::Nothing, None) if self.serve_stale && entry.is_some() => Step::Serve,
            (Right::Nothing, None) => match &seen.lead {
                _ if early.is_none() => Step::Compute(Right::Nothing),
                Lead::Other => Step::Wait,
                _ if early == Some(Duration::MAX) => Step::Arm,
                _ => Step::Insist,
            },
            (right, _) => Step::Compute(right),
        }
    }

    fn usable<V>(&self, entry: &Entry<V>) -> bool {
        entry.value.is_some() || self.tells_absent
    }

    fn hand_back(&self, right: &Right) {
        let Some(token) = right.token().cloned() else {
            return;
        };
        let (backend, key) = (Arc::clone(self.place.backend), self.place.key.clone());
        let _ = self.inner.clock.spawn(async move {
            let _ = backend.release(&key, &token).await; // else it ends by itself
        });
    }

    fn missed<V>(&self, right: Right, seen: Seen<V>) -> Reading<V> {
        if let Some(miss) = seen.miss {
            self.inner.count(self.function, miss.event());
        }
        let failure = seen.versions.failure();
        if let Some(error) = failure {
            self.inner.backend_failed(self.function, error);
        }
        // What is there might be fresh, if only somebody could say so of its tags.
        let away = failure.is_some() && seen.entry.is_some();
        let entry = seen.entry.as_ref().filter(|entry| self.usable(entry));
        let fresh = entry.is_some_and(|entry| !entry.fresh.is_zero() && seen.miss.is_none());
        let asked = (fresh && !away).then_some(seen.asked);
        self.compute(right, seen.entry, seen.versions, away, asked)
    }

    fn compute<V>(
        &self,
        right: Right,
        old: Option<Entry<V>>,
        versions: Versions,
        away: bool,
        fresh: Option<Moment>,
    ) -> Reading<V> {
        if right.token().is_some() {
            self.inner.count(self.function, Event::LeadWon);
        }
        Reading::Compute {
            leading: Leading::new(self.inner, self.function, self.place.key.clone(), right),
            old,
            versions,
            away,
            fresh,
        }
    }
}
