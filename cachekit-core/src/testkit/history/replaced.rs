//! That someone takes the place of a leader that died.

use std::collections::HashMap;

use super::by_key::{ByKey, Computation, Read, Story};
use super::findings::{Findings, Rule, Violation};
use super::rules::{Rules, nanos};

/// What a store adds that counts in seconds, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

pub(super) fn check(by_key: &ByKey<'_>, key: u32, story: &Story, findings: &mut Findings) {
    let lag = nanos(by_key.rules.lag);
    let died = |computation: &Computation| computation.died(lag);
    let mut deaths: Vec<u64> = story.computations.iter().filter_map(died).collect();
    deaths.sort_unstable();
    let within = Within::new(by_key.rules);
    for read in &story.reads {
        let before = deaths.partition_point(|death| *death < read.began);
        let over_a_death = deaths.get(before).is_some_and(|death| *death <= read.ended);
        findings.tally.reads_over_a_death += u64::from(over_a_death);
        if read.ended.saturating_sub(read.began) > within.waiting {
            check_wait(by_key, key, story, read, within.waiting, findings);
        }
    }
    check_stale(by_key, key, story, &within, findings);
}

/// How soon a leader is replaced, in nanoseconds.
struct Within {
    /// From its death, or from when a process has seen its lead first.
    lease: u64,
    /// For how long nobody computes while a reader waits.
    waiting: u64,
    lag: u64,
}

impl Within {
    fn new(rules: &Rules) -> Self {
        let lease = nanos(rules.lease).saturating_add(SECOND);
        Self {
            lease,
            waiting: lease.saturating_add(nanos(rules.poll)),
            lag: nanos(rules.lag),
        }
    }
}

/// A stretch of time in which nobody computes.
struct Gap<'a> {
    from: u64,
    to: u64,
    /// The computation whose end it begins with.
    after: Option<&'a Computation>,
}

fn check_wait(
    by_key: &ByKey<'_>,
    key: u32,
    story: &Story,
    read: &Read,
    longest: u64,
    findings: &mut Findings,
) {
    for gap in gaps(story, read) {
        if gap.to - gap.from <= longest || by_key.is_unsettled(gap.from, gap.to) {
            continue;
        }
        let mut records = vec![read.record(key)];
        records.extend(gap.after.map(|after| after.record(key)));
        records.extend(gap.after.and_then(Computation::death));
        findings.violations.push(Violation {
            rule: Rule::Replaced,
            key,
            at: gap.from,
            expected: format!("a computation before {}", gap.from.saturating_add(longest)),
            records,
        });
    }
}

/// When nobody computed while `read` waited.
fn gaps<'a>(story: &'a Story, read: &Read) -> Vec<Gap<'a>> {
    let mut gaps = Vec::new();
    let mut idle_from = read.began;
    let mut after = None;
    let begun = story
        .computations
        .partition_point(|one| one.began < read.ended);
    for computation in &story.computations[..begun] {
        if computation.began > idle_from {
            gaps.push(Gap {
                from: idle_from,
                to: computation.began,
                after,
            });
        }
        let over = computation.over();
        if over >= idle_from {
            idle_from = over;
            after = Some(computation);
        } else if idle_from == read.began && computation.killed.is_some() {
            after = Some(computation);
        }
    }
    if idle_from < read.ended {
        gaps.push(Gap {
            from: idle_from,
            to: read.ended,
            after,
        });
    }
    gaps
}

/// Who is given a stale entry sees the lead of one that died, and takes it over when that has stood
/// for too long.
fn check_stale(
    by_key: &ByKey<'_>,
    key: u32,
    story: &Story,
    within: &Within,
    findings: &mut Findings,
) {
    let mut stale: Vec<_> = story.reads.iter().filter(|read| read.stale).collect();
    if stale.is_empty() {
        return;
    }
    stale.sort_by_key(|read| read.began);
    for (index, computation) in story.computations.iter().enumerate() {
        let Some(died) = computation.died(within.lag) else {
            continue;
        };
        let replaced = replaced_at(&story.computations, index, died);
        let from = stale.partition_point(|read| read.began <= died);
        let to = stale.partition_point(|read| read.began < replaced);
        let Some((overdue, read)) = overdue(&stale[from..to.max(from)], within) else {
            continue;
        };
        if by_key.is_unsettled(died, read.began) {
            continue;
        }
        let mut records = vec![
            read.record(key),
            overdue.record(key),
            computation.record(key),
        ];
        records.extend(computation.death());
        findings.violations.push(Violation {
            rule: Rule::Replaced,
            key,
            at: read.began,
            expected: "a computation by then, after that of a process that died".to_owned(),
            records,
        });
    }
}

/// When another computes, from the death of one on. Nobody replaces whom others have replaced before.
fn replaced_at(computations: &[Computation], index: usize, died: u64) -> u64 {
    let later = &computations[index + 1..];
    later.first().map_or(u64::MAX, |next| next.began.max(died))
}

/// The read of a process that was to take over, and one that it made after that.
fn overdue<'a>(stale: &[&'a Read], within: &Within) -> Option<(&'a Read, &'a Read)> {
    let mut first_seen: HashMap<u32, u64> = HashMap::new();
    let mut to_take_over: HashMap<u32, &Read> = HashMap::new();
    for read in stale {
        let since = *first_seen.entry(read.process).or_insert(read.ended);
        match to_take_over.get(&read.process) {
            Some(overdue) if read.began > overdue.ended.saturating_add(within.lag) => {
                return Some((overdue, read));
            }
            Some(_) => {}
            None if read.began > since.saturating_add(within.lease) => {
                to_take_over.insert(read.process, read);
            }
            None => {}
        }
    }
    None
}
