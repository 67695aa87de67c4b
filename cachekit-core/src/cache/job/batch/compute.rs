//! From the flights that a batch leads to their landing: look, place, origin, storing.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tracing::Instrument;

use super::{Batch, Job, Lack, Led, Mode, One, OneJob, Outcome};
use crate::cache::computation::{Computation, Ended};
use crate::cache::form::Form;
use crate::cache::job::outcome::{Landed, joined};
use crate::cache::sought::{Begun, Sighted, Sought};
use crate::cache::stats::Event;
use crate::policy::bulkhead::Permit;
use crate::policy::computing::Wishes;
use crate::policy::flight::{Landing, Leader};
use crate::policy::race;

/// One id of a call of the origin.
struct Part<V, F> {
    index: usize,
    /// `None`: it is computed past the flight.
    flight: Option<(Leader, Box<Computation<V, F>>)>,
}

impl<V, E, F> Batch<V, E, F>
where
    V: Clone + Send + Sync + 'static,
    E: 'static,
    F: Form<V>,
{
    /// Looks for what it leads, and computes what nobody has. What another process computes comes
    /// last, and what of it is left to this one as soon as it is: while that waited for the rest,
    /// other processes would wait for it, maybe those that this one waits for.
    pub(super) async fn compute<O, Fut>(&self, mut led: Vec<Led>, alone: Vec<usize>, origin: &mut O)
    where
        O: FnMut(Vec<usize>) -> Fut,
        Fut: Future<Output = Vec<Outcome<V, E>>>,
    {
        let past = |index| Part {
            index,
            flight: None,
        };
        let mut parts: Vec<_> = alone.into_iter().map(past).collect();
        loop {
            let mut elsewhere = Vec::new();
            for (led, sighted) in self.look(led).await {
                match sighted {
                    Sighted::Begun(begun) => parts.extend(self.part(led, begun)),
                    Sighted::Elsewhere(sought) => elsewhere.push((led, sought)),
                }
            }
            self.call(parts, origin).await;
            if elsewhere.is_empty() {
                return;
            }
            (parts, led) = self.wait_elsewhere(elsewhere).await;
        }
    }

    /// Waits for what other processes compute, until some of it is left to this one. With that, what
    /// is still to be looked for.
    async fn wait_elsewhere(
        &self,
        elsewhere: Vec<(Led, Sought<V, F>)>,
    ) -> (Vec<Part<V, F>>, Vec<Led>) {
        let (mut led, sought): (Vec<_>, Vec<_>) = elsewhere.into_iter().unzip();
        let mut looks: Vec<_> = (sought.into_iter())
            .map(|sought| Box::pin(sought.begin()))
            .collect();
        let mut parts = Vec::new();
        while parts.is_empty() && !led.is_empty() {
            let Some(looked) = self.asked(race::some(looks)).await else {
                let past = |led| {
                    let begun = self.past_backend(&led);
                    self.part(led, begun)
                };
                return (led.into_iter().filter_map(past).collect(), Vec::new());
            };
            looks = Vec::new();
            for (one, looked) in std::mem::take(&mut led).into_iter().zip(looked) {
                match looked {
                    Ok(begun) => parts.extend(self.part(one, begun)),
                    Err(look) => {
                        led.push(one);
                        looks.push(look);
                    }
                }
            }
        }
        (parts, led)
    }

    async fn look(&self, led: Vec<Led>) -> Vec<(Led, Sighted<V, F>)> {
        let sought = led.iter().map(|led| self.sought(led));
        let look = Sought::begin_many(sought.collect());
        let sighted = match self.asked(look).await {
            Some(sighted) => sighted,
            None => {
                let past = |led| Sighted::Begun(self.past_backend(led));
                led.iter().map(past).collect()
            }
        };
        led.into_iter().zip(sighted).collect()
    }

    fn past_backend(&self, led: &Led) -> Begun<V, F> {
        Begun::Compute(self.sought(led).past_backend())
    }

    fn sought(&self, led: &Led) -> Sought<V, F> {
        let job = self.job(led.index);
        let blocks = matches!(self.mode, Mode::Blocking) && job.may_block_its_leader();
        let briefly = self.outer.is_nested() || blocks;
        job.sought(&led.leader, led.refreshing, briefly)
    }

    /// What is to be computed; what is found lands.
    fn part(&self, led: Led, begun: Begun<V, F>) -> Option<Part<V, F>> {
        let Led { index, leader, .. } = led;
        match begun {
            Begun::Compute(computation) => Some(Part {
                index,
                flight: Some((leader, computation)),
            }),
            Begun::Found(found) => {
                let landed = self.job(index).landed_as(found);
                self.land(index, leader, landed);
                None
            }
            Begun::Refresh(found, refresh, computation) => {
                leader.land_early(found.landing());
                if let Mode::Detached(wanted) = &self.mode {
                    refresh.offering().keep();
                    wanted.starts(&refresh);
                    let (_, settled) = self.job(index).landed_as(found);
                    self.finish(index, joined::<One<V, E>>(settled));
                }
                Some(Part {
                    index,
                    flight: Some((refresh, computation)),
                })
            }
        }
    }

    /// Calls the origin with all `parts`, in one place among the computations of the cache.
    async fn call<O, Fut>(&self, mut parts: Vec<Part<V, F>>, origin: &mut O)
    where
        O: FnMut(Vec<usize>) -> Fut,
        Fut: Future<Output = Vec<Outcome<V, E>>>,
    {
        let permit = self.admit(&mut parts).await;
        if parts.is_empty() {
            return;
        }
        parts.sort_by_key(|part| part.index);
        self.spare(&parts);
        let cache = self.inner.address();
        let key = |part: &Part<V, F>| Arc::clone(self.job(part.index).key.bytes());
        let others = parts[1..].iter().map(key).collect();
        let chain = (self.outer.clone()).with_many(cache, key(&parts[0]), others);
        let computing = chain.computing().unwrap_or_default();
        computing.begin(permit);
        let missing = parts.iter().map(|part| part.index).collect();
        let compute = async { origin(missing).await };
        let span = self.job(parts[0].index).span();
        let compute = chain.run_async(compute.instrument(span));
        let flights = parts.iter().filter_map(|part| part.flight.as_ref());
        let overdue = race::first(flights.map(|(leader, _)| leader.overdue()));
        let outcomes = race::race(compute, computing.leave_when(overdue)).await;
        self.end(parts, outcomes, &computing.end()).await;
    }

    /// Finds a place for all `parts`. Those for which there is something better than to wait get
    /// that; what is left is computed, if need be without a place.
    async fn admit(&self, parts: &mut Vec<Part<V, F>>) -> Option<Arc<Permit>> {
        if parts.is_empty() {
            return None;
        }
        if let Some(permit) = self.inner.place(&self.outer) {
            return Some(permit);
        }
        self.turn_away(parts, |job, computation| match computation.away {
            true => job.in_grace(computation),
            false => None,
        });
        let away = |part: &Part<V, F>| part.flight.as_ref().is_some_and(|(_, c)| c.away);
        let may_shed = self.voice.can_say() && parts.iter().all(away);
        let permit = self.queue(parts, may_shed).await;
        if permit.is_none() {
            self.turn_away(parts, Job::without_place);
        }
        permit
    }

    /// Waits for a place; `None` if it took too long.
    async fn queue(&self, parts: &[Part<V, F>], may_shed: bool) -> Option<Arc<Permit>> {
        if parts.is_empty() {
            return None;
        }
        let leaders = parts
            .iter()
            .filter_map(|part| Some(&part.flight.as_ref()?.0));
        // Who waits for any of the flights may lend its permit.
        let lent = race::first(leaders.map(|leader| leader.permit(&self.inner.bulkhead)));
        let permit = race::race(lent, self.inner.bulkhead.enter());
        let queue = self.inner.queue(&self.outer, permit, may_shed);
        match self.mode {
            Mode::Blocking => self.inner.place_for_blocked(queue).await,
            Mode::Inline | Mode::Detached(_) => queue.await,
        }
    }

    /// Gives those of `parts` that have it something `instead` of a new value.
    fn turn_away(
        &self,
        parts: &mut Vec<Part<V, F>>,
        instead: impl Fn(&OneJob<V, E, F>, &Computation<V, F>) -> Option<Landed<One<V, E>>>,
    ) {
        for Part { index, flight } in std::mem::take(parts) {
            let of_flight = flight.as_ref();
            let landed = of_flight.and_then(|(_, c)| instead(self.job(index), c));
            match (flight, landed) {
                (Some((leader, _)), Some(landed)) => self.land(index, leader, landed),
                (flight, _) => parts.push(Part { index, flight }),
            }
        }
    }

    /// In a task, callers need not wait for the refresh of what is fresh.
    fn spare(&self, parts: &[Part<V, F>]) {
        if !matches!(self.mode, Mode::Detached(_)) {
            return;
        }
        for part in parts {
            let Some((leader, computation)) = &part.flight else {
                continue;
            };
            let job = self.job(part.index);
            let Some(old) = &computation.old else {
                continue;
            };
            let offer = old.offer(job.serves_stale());
            let now_ms = self.inner.clock.monotonic_ms();
            if offer.will_do(now_ms) {
                leader.offering().keep();
                if !offer.is_fresh(now_ms) {
                    job.count(Event::Stale);
                }
                self.finish(part.index, Ok(V::clone(&old.value)));
            }
        }
    }

    /// Stores what the origin has answered, and tells everybody.
    async fn end(&self, parts: Vec<Part<V, F>>, outcomes: Vec<Outcome<V, E>>, wishes: &Wishes) {
        let (mut landing, mut ends) = (Vec::new(), Vec::new());
        for (Part { index, flight }, outcome) in parts.into_iter().zip(outcomes) {
            let job = self.job(index);
            let Some((leader, computation)) = flight else {
                job.count(Event::Computed);
                self.finish(index, outcome);
                continue;
            };
            let (settled, ending) = job.settle(self.wishes_for(wishes, &outcome), outcome);
            let ending = match leader.is_overdue() {
                true => ending.late(),
                false => ending,
            };
            landing.push((index, leader, settled));
            ends.push((*computation, ending));
        }
        let count = ends.len();
        let ended = self.asked(Computation::end_many(ends)).await;
        let ended = ended.unwrap_or_else(|| (0..count).map(|_| Ended::Plain).collect());
        for ((index, leader, settled), ended) in landing.into_iter().zip(ended) {
            let landed = match (settled, ended) {
                (Err(Lack::Absent), Ended::Plain) => (Landing::Absent, Err(Lack::Absent)),
                (Err(Lack::Absent), Ended::Superseded) => {
                    // Who waits begins again: to be told to compute alone would be the stampede.
                    drop(leader);
                    self.finish(index, Err(Lack::Absent));
                    continue;
                }
                (settled, ended) => self.job(index).landed(settled, ended),
            };
            self.land(index, leader, landed);
        }
    }

    /// What the origin wishes of one id. An id that it has not answered is remembered as such only
    /// where that was asked for, and an error never is.
    fn wishes_for(&self, wishes: &Wishes, outcome: &Outcome<V, E>) -> Wishes {
        let not_found = match outcome {
            Ok(_) | Err(Lack::Failed { .. } | Lack::Shared(_) | Lack::Ours(_)) => None,
            Err(Lack::Absent) => {
                let policy = self.members.first().map(|member| member.job.policy());
                let negative = policy.and_then(|policy| policy.ttl_of_absent());
                Some(wishes.not_found.or(negative).unwrap_or(Duration::ZERO))
            }
        };
        Wishes {
            not_found,
            ..wishes.clone()
        }
    }

    fn land(&self, index: usize, leader: Leader, (landing, settled): Landed<One<V, E>>) {
        leader.land(landing);
        self.finish(index, joined::<One<V, E>>(settled));
    }

    fn job(&self, index: usize) -> &OneJob<V, E, F> {
        &self.members[index].job
    }
}
