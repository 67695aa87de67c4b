//! What makes another computation of a key necessary.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::by_key::{ByKey, Computation, Invalidation, Story};
use super::findings::Tally;
use super::rules::nanos;

/// Takes effect at some moment from one time to the other, or never, and makes computations
/// necessary then.
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

/// The excuses of one key, for one computation after the other.
#[derive(Debug)]
pub(super) struct Excuses {
    /// Those that are still to come, the next one last.
    later: Vec<Excuse>,
    /// Until when, and for how many computations: those that have come and were not needed yet.
    open: BinaryHeap<Reverse<(u64, u64)>>,
}

impl Excuses {
    /// Those of `story`, which are counted as well.
    pub(super) fn new(by_key: &ByKey<'_>, story: &Story, tally: &mut Tally) -> Self {
        let lag = nanos(by_key.rules.lag);
        let computations_per_loss = u64::from(by_key.rules.computations_per_node_loss);
        let invalidations = story.invalidations.iter();
        let invalidations = invalidations.map(|invalidation| invalidated(by_key, invalidation));
        let expiries = expiries(by_key, story);
        let deaths = story.computations.iter();
        let takeovers = deaths.filter_map(|computation| taken_over(computation, lag));
        let losses = by_key.losses.iter().map(|loss| Excuse {
            from: loss.from,
            to: loss.to,
            computations: computations_per_loss,
        });

        let mut later: Vec<_> = invalidations.collect();
        tally.invalidations += later.len() as u64;
        tally.expiries += expiries.len() as u64;
        later.extend(expiries);
        let counted = later.len();
        later.extend(takeovers);
        tally.takeovers += (later.len() - counted) as u64;
        tally.node_losses += computations_per_loss * by_key.losses.len() as u64;
        later.extend(losses.filter(|loss| loss.computations > 0));
        later.sort_unstable_by_key(|excuse| Reverse(excuse.from));
        Self {
            later,
            open: BinaryHeap::new(),
        }
    }

    /// Takes an excuse that may have taken effect in this time, if there is one: the one that is
    /// over first, as the others may be needed later. Times must not go back from call to call.
    pub(super) fn take(&mut self, after: u64, until: u64) -> bool {
        while let Some(excuse) = self.later.pop_if(|excuse| excuse.from <= until) {
            self.open.push(Reverse((excuse.to, excuse.computations)));
        }
        while let Some(Reverse((to, computations))) = self.open.pop() {
            if to < after {
                continue;
            }
            if computations > 1 {
                self.open.push(Reverse((to, computations - 1)));
            }
            return true;
        }
        false
    }
}

/// One that has not completed may still arrive, if need be when a lost node is back.
fn invalidated(by_key: &ByKey<'_>, invalidation: &Invalidation) -> Excuse {
    let began = invalidation.began;
    let late = || {
        let late = began.saturating_add(nanos(by_key.rules.late));
        let losses = by_key.losses.iter();
        let around = losses.filter(|loss| loss.from <= late && loss.to >= began);
        around.map(|loss| loss.to).fold(late, u64::max)
    };
    Excuse::once(began, invalidation.ended.unwrap_or_else(late))
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

/// Only the entry that stands can end by its ttl: not one that was invalidated, or that another
/// computation was to replace. Of two that began at about the same time either may have led last.
fn expiries(by_key: &ByKey<'_>, story: &Story) -> Vec<Excuse> {
    let (ttl, lag) = (nanos(by_key.rules.ttl), nanos(by_key.rules.lag));
    let computations = &story.computations;
    let expired = computations.iter().filter_map(|computation| {
        let ends = computation.ended?.saturating_add(ttl);
        let beside = computation.began.saturating_add(lag);
        let later = computations.partition_point(|other| other.began <= beside);
        let stands = computations
            .get(later)
            .is_none_or(|later| later.began >= ends)
            && !invalidated_between(story, computation.began, ends);
        (stands && ends <= by_key.end).then(|| Excuse::once(ends, ends))
    });
    expired.collect()
}

fn invalidated_between(story: &Story, from: u64, to: u64) -> bool {
    let ended = |invalidation: &Invalidation| invalidation.ended.unwrap_or(u64::MAX);
    let first = story.invalidations.partition_point(|one| ended(one) < from);
    story.invalidations[first..]
        .iter()
        .take_while(|one| ended(one) <= to)
        .any(|one| one.began >= from)
}
