//! What makes another computation of a key necessary.

use super::by_key::{ByKey, Computation, Invalidation, Story};
use super::findings::Tally;
use super::rules::nanos;

/// Takes effect at some moment from one time to the other, or never, and needs computations then.
#[derive(Clone, Copy, Debug)]
struct Excuse {
    from: u64,
    to: u64,
    computations: u64,
}

impl Excuse {
    const fn once(from: u64, to: u64) -> Self {
        Self {
            from,
            to,
            computations: 1,
        }
    }
}

/// The excuses of one key, by time.
#[derive(Debug)]
pub(super) struct Excuses {
    begun: Counts,
    over: Counts,
}

impl Excuses {
    /// Those of `story`, which are counted as well.
    pub(super) fn new(by_key: &ByKey<'_>, story: &Story, tally: &mut Tally) -> Self {
        let lag = nanos(by_key.rules.lag);
        let invalidations = story.invalidations.iter().map(invalidated);
        let expiries = expiries(story, nanos(by_key.rules.ttl), by_key.end);
        let takeovers = story
            .computations
            .iter()
            .filter_map(|computation| taken_over(computation, lag));
        let losses = by_key.losses.iter().map(|loss| Excuse {
            from: loss.from,
            to: loss.to,
            computations: u64::from(by_key.rules.computations_per_node_loss),
        });
        let mut all = Vec::new();
        let mut count = |excuses: &mut dyn Iterator<Item = Excuse>| {
            let before = all.len();
            all.extend(excuses);
            let added: &[Excuse] = &all[before..];
            added.iter().map(|excuse| excuse.computations).sum::<u64>()
        };
        tally.invalidations += count(&mut { invalidations });
        tally.expiries += count(&mut expiries.into_iter());
        tally.takeovers += count(&mut { takeovers });
        tally.node_losses += count(&mut { losses });
        Self {
            begun: Counts::new(all.iter().map(|excuse| (excuse.from, excuse.computations))),
            over: Counts::new(all.iter().map(|excuse| (excuse.to, excuse.computations))),
        }
    }

    /// How many computations may have become necessary up to `time`.
    pub(super) fn up_to(&self, time: u64) -> u64 {
        self.begun.up_to(time)
    }

    /// How many have become necessary before `time`, if at all.
    pub(super) fn over_before(&self, time: u64) -> u64 {
        time.checked_sub(1).map_or(0, |last| self.over.up_to(last))
    }
}

/// One that has not completed may still arrive.
fn invalidated(invalidation: &Invalidation) -> Excuse {
    Excuse::once(invalidation.began, invalidation.ended.unwrap_or(u64::MAX))
}

/// One that never ended was dropped some time or other, and then another may begin.
fn taken_over(computation: &Computation, lag: u64) -> Option<Excuse> {
    match computation.died(lag) {
        Some(died) => {
            // What it had asked for may reach the origin after its death.
            let died = died.max(computation.began);
            Some(Excuse::once(died, died))
        }
        None if computation.ended.is_none() => Some(Excuse::once(computation.began, u64::MAX)),
        None => None,
    }
}

/// Only the entry that stands can end by its ttl: not one that another computation was to replace
/// or that was invalidated.
fn expiries(story: &Story, ttl: u64, end: u64) -> Vec<Excuse> {
    let computations = &story.computations;
    let expired = computations
        .iter()
        .enumerate()
        .filter_map(|(index, computation)| {
            let ends = computation.ended?.saturating_add(ttl);
            let next = computations.get(index + 1);
            let stands = next.is_none_or(|next| next.began >= ends)
                && !invalidated_between(story, computation.began, ends);
            (stands && ends <= end).then(|| Excuse::once(ends, ends))
        });
    expired.collect()
}

fn invalidated_between(story: &Story, from: u64, to: u64) -> bool {
    let completed = |invalidation: &Invalidation| invalidation.ended;
    let invalidations = &story.invalidations;
    let first = invalidations.partition_point(|one| completed(one).is_some_and(|end| end < from));
    invalidations[first..]
        .iter()
        .take_while(|one| completed(one).is_some_and(|end| end <= to))
        .any(|one| one.began >= from)
}

/// How much there was up to a time.
#[derive(Debug)]
struct Counts(Vec<(u64, u64)>);

impl Counts {
    fn new(added: impl Iterator<Item = (u64, u64)>) -> Self {
        let mut counts: Vec<_> = added.collect();
        counts.sort_unstable();
        let mut sum = 0_u64;
        for (_, count) in &mut counts {
            sum += *count;
            *count = sum;
        }
        Self(counts)
    }

    fn up_to(&self, time: u64) -> u64 {
        let passed = self.0.partition_point(|(at, _)| *at <= time);
        passed.checked_sub(1).map_or(0, |last| self.0[last].1)
    }
}
