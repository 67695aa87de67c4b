//! That someone takes the place of a leader that died.

use std::collections::{HashMap, HashSet};

use super::by_key::{ByKey, Computation, Read, Story};
use super::findings::{Findings, Rule, Violation};
use super::rules::{Rules, nanos};

/// What a store adds that counts in seconds, in nanoseconds.
const SECOND: u64 = 1_000_000_000;

pub(super) fn check(by_key: &ByKey<'_>, key: u32, story: &Story, findings: &mut Findings) {
    let watch = Watch {
        by_key,
        key,
        story,
        within: Within::new(by_key.rules),
    };
    watch.count_deaths(findings);
    watch.check_waits(findings);
    watch.check_stale(findings);
}

/// What a key is watched with.
struct Watch<'a> {
    by_key: &'a ByKey<'a>,
    key: u32,
    story: &'a Story,
    within: Within,
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

impl Watch<'_> {
    fn count_deaths(&self, findings: &mut Findings) {
        let died = |computation: &Computation| computation.died(self.within.lag);
        let mut deaths: Vec<u64> = self.story.computations.iter().filter_map(died).collect();
        deaths.sort_unstable();
        for read in &self.story.reads {
            let before = deaths.partition_point(|death| *death < read.began);
            let over_a_death = deaths.get(before).is_some_and(|death| *death <= read.ended);
            findings.tally.reads_over_a_death += u64::from(over_a_death);
        }
    }

    /// Of all who wait over one death for too long, the first is found.
    fn check_waits(&self, findings: &mut Findings) {
        let longest = self.within.waiting;
        let mut found = HashSet::new();
        let long = |read: &&Read| read.ended.saturating_sub(read.began) > longest;
        for read in self.story.reads.iter().filter(long) {
            for gap in gaps(self.story, read) {
                let settled = !self.by_key.is_unsettled(gap.from, gap.to);
                let leader = gap.after.map(|leader| (leader.process, leader.began));
                if gap.to - gap.from > longest && settled && found.insert(leader) {
                    findings.violations.push(self.waited(read, &gap));
                }
            }
        }
    }

    fn waited(&self, read: &Read, gap: &Gap<'_>) -> Violation {
        let mut records = vec![read.record(self.key)];
        records.extend(gap.after.map(|leader| leader.record(self.key)));
        records.extend(gap.after.and_then(Computation::death));
        let latest = gap.from.saturating_add(self.within.waiting);
        Violation {
            rule: Rule::Replaced,
            key: self.key,
            at: gap.from,
            expected: format!("a computation before {latest}"),
            records,
        }
    }

    /// Who is given a stale entry sees the lead of one that died, and takes it over when that has
    /// stood for too long.
    fn check_stale(&self, findings: &mut Findings) {
        let mut stale: Vec<_> = self.story.reads.iter().filter(|read| read.stale).collect();
        if stale.is_empty() {
            return;
        }
        stale.sort_by_key(|read| read.began);
        for (index, leader) in self.story.computations.iter().enumerate() {
            let Some(died) = leader.died(self.within.lag) else {
                continue;
            };
            let replaced = replaced_at(&self.story.computations, index, died);
            let from = stale.partition_point(|read| read.began <= died);
            let to = stale.partition_point(|read| read.began < replaced);
            let overdue = overdue(&stale[from..to.max(from)], &self.within);
            let settled = |read: &Read| !self.by_key.is_unsettled(died, read.began);
            if let Some((idle, read)) = overdue.filter(|(_, read)| settled(read)) {
                let mut records = [read, idle].map(|read| read.record(self.key)).to_vec();
                records.push(leader.record(self.key));
                records.extend(leader.death());
                findings.violations.push(Violation {
                    rule: Rule::Replaced,
                    key: self.key,
                    at: read.began,
                    expected: "a computation by then, after that of a process that died".to_owned(),
                    records,
                });
            }
        }
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
