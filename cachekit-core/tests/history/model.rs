//! Histories of a store that does everything right, made by chance; and what is found once one
//! record of them is wrong.

use std::time::Duration;

use cachekit_core::testkit::history::{Findings, History, Record, Rule, Rules, check};
use cachekit_core::testkit::schedules::Chance;

/// Times are in milliseconds, until they are judged.
const LENGTH: u64 = 60_000;
const TTL: u64 = 4_000;
const LEASE: u64 = 6_000;
const LAG: u64 = 100;
const POLL: u64 = 10;
const LATE: u64 = 60;
const HISTORIES: u64 = 20;

struct Read {
    process: u32,
    began: u64,
}

/// A read that was given the lead.
struct Leader {
    read: Read,
    asks_at: u64,
    computation: Option<Computation>,
    /// Nothing has ended its lead.
    leads: bool,
    /// When its lead ends by itself, because its process is dead.
    until: Option<u64>,
}

struct Computation {
    /// Its place in the records.
    record: usize,
    version: u64,
    ends_at: u64,
}

struct Invalidation {
    /// Its place in the records.
    record: usize,
    takes_effect_at: u64,
    ends_at: Option<u64>,
}

/// One key, in a store that gives one lead at a time and takes no result without it.
struct Model {
    chance: Chance,
    now: u64,
    records: Vec<Record>,
    /// Version of the source.
    source: u64,
    /// Version, and when it ends.
    entry: Option<(u64, u64)>,
    waiting: Vec<Read>,
    leaders: Vec<Leader>,
    invalidations: Vec<Invalidation>,
    processes: Vec<u32>,
    started: u32,
}

impl Model {
    fn run(seed: u64) -> History {
        let mut model = Self {
            chance: Chance::new(seed),
            now: 0,
            records: Vec::new(),
            source: 0,
            entry: None,
            waiting: Vec::new(),
            leaders: Vec::new(),
            invalidations: Vec::new(),
            processes: (0..4).collect(),
            started: 4,
        };
        while model.now < LENGTH {
            model.invalidate();
            model.compute();
            model.kill();
            model.read();
            model.now += 1;
        }
        History {
            records: model.records,
        }
    }

    fn invalidate(&mut self) {
        if self.chance.one_in(2_500) {
            self.source += 1;
            let takes_effect_at = self.now + self.chance.below(30);
            let answered = !self.chance.one_in(6);
            self.invalidations.push(Invalidation {
                record: self.records.len(),
                takes_effect_at,
                ends_at: answered.then_some(takes_effect_at + self.chance.below(30)),
            });
            self.records.push(Record::Invalidation {
                key: 0,
                began: self.now,
                ended: None,
                version: self.source,
            });
        }
        for invalidation in &self.invalidations {
            if invalidation.takes_effect_at == self.now {
                self.entry = None;
                for leader in &mut self.leaders {
                    leader.leads = false;
                }
            }
            if invalidation.ends_at == Some(self.now)
                && let Record::Invalidation { ended, .. } = &mut self.records[invalidation.record]
            {
                *ended = Some(self.now);
            }
        }
    }

    fn compute(&mut self) {
        for mut leader in std::mem::take(&mut self.leaders) {
            leader.leads &= leader.until.is_none_or(|until| until > self.now);
            if leader.until.is_none() && self.has_computed(&mut leader) {
                continue;
            }
            if leader.leads || leader.until.is_none() {
                self.leaders.push(leader);
            }
        }
    }

    fn has_computed(&mut self, leader: &mut Leader) -> bool {
        let process = leader.read.process;
        match &leader.computation {
            None if leader.asks_at == self.now => {
                leader.computation = Some(Computation {
                    record: self.records.len(),
                    version: self.source,
                    ends_at: self.now + 1 + self.chance.below(1_500),
                });
                self.records.push(Record::Computation {
                    process,
                    key: 0,
                    began: self.now,
                    ended: None,
                    version: self.source,
                });
                false
            }
            Some(computation) if computation.ends_at == self.now => {
                if let Record::Computation { ended, .. } = &mut self.records[computation.record] {
                    *ended = Some(self.now);
                }
                if leader.leads {
                    self.entry = Some((computation.version, self.now + TTL));
                }
                self.give(&leader.read, computation.version);
                true
            }
            _ => false,
        }
    }

    /// Some leader in the midst of its computation; its lead lasts for a while.
    fn kill(&mut self) {
        if !self.chance.one_in(1_500) {
            return;
        }
        let computes = |one: &&mut Leader| one.until.is_none() && one.computation.is_some();
        let Some(process) = self
            .leaders
            .iter_mut()
            .find(computes)
            .map(|one| one.read.process)
        else {
            return;
        };
        let at = self.now;
        self.records.push(Record::Killed { process, at });
        for leader in self
            .leaders
            .iter_mut()
            .filter(|one| one.read.process == process)
        {
            leader.until = Some(at + LEASE / 3 + self.chance.below(LEASE * 2 / 3));
        }
        self.waiting.retain(|read| read.process != process);
        self.processes.retain(|one| *one != process);
        self.processes.push(self.started);
        self.started += 1;
    }

    fn read(&mut self) {
        if self.chance.one_in(30) {
            let index = usize::try_from(self.chance.below(4)).expect("less than four");
            let process = self.processes[index];
            let began = self.now;
            self.waiting.push(Read { process, began });
        }
        self.entry.take_if(|(_, ends_at)| *ends_at <= self.now);
        for read in std::mem::take(&mut self.waiting) {
            let looks = read.began == self.now || self.now.is_multiple_of(POLL);
            match self.entry {
                Some((version, _)) if looks => self.give(&read, version),
                None if looks && !self.leaders.iter().any(|one| one.leads) => {
                    self.leaders.push(Leader {
                        read,
                        asks_at: self.now + 1 + self.chance.below(LAG),
                        computation: None,
                        leads: true,
                        until: None,
                    });
                }
                _ => self.waiting.push(read),
            }
        }
    }

    fn give(&mut self, read: &Read, version: u64) {
        self.records.push(Record::Read {
            process: read.process,
            key: 0,
            began: read.began,
            ended: self.now,
            version,
            stale: false,
        });
    }
}

fn judged(history: &History) -> Findings {
    let mut history = history.clone();
    history.records.iter_mut().for_each(super::in_nanoseconds);
    let rules = Rules {
        ttl: Duration::from_millis(TTL),
        lease: Duration::from_millis(LEASE - 1_000),
        poll: Duration::from_millis(POLL + LAG),
        lag: Duration::from_millis(LAG),
        late: Duration::from_millis(LATE),
        ..Rules::default()
    };
    check(&history, &rules)
}

fn histories() -> impl Iterator<Item = (u64, History)> {
    (0..HISTORIES).map(|seed| (seed, Model::run(seed)))
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let (mut bound, mut expiries, mut takeovers, mut spare) = (0, 0, 0, 0);
    for (seed, history) in histories() {
        let findings = judged(&history);
        assert!(findings.violations.is_empty(), "seed {seed}: {findings}");
        let tally = findings.tally;
        bound += tally.bound_reads;
        expiries += tally.expiries;
        takeovers += tally.takeovers;
        spare += tally.allowed() - tally.computations;
    }
    // A rule that does not apply proves nothing, nor one that always has something to spare.
    assert!(
        bound > 10_000 && expiries > 20 && takeovers > 50,
        "{bound} {expiries} {takeovers}"
    );
    assert!(spare < 10 * HISTORIES, "{spare}");
}

#[test]
fn every_read_that_is_made_too_old_is_found() {
    for (seed, mut history) in histories() {
        let mut chance = Chance::new(seed);
        let completed = history.records.iter().filter_map(|record| match *record {
            Record::Invalidation { ended, version, .. } => Some((ended?, version)),
            _ => None,
        });
        let completed: Vec<_> = completed.collect();
        let least = |began: u64| {
            let before = completed.iter().filter(|(ended, _)| *ended < began);
            before.map(|(_, version)| *version).max()
        };
        let mut made = 0;
        for record in &mut history.records {
            if let Record::Read { began, version, .. } = record
                && let Some(least) = least(*began)
                && chance.one_in(20)
            {
                *version = least - 1;
                made += 1;
            }
        }
        assert_eq!(judged(&history).count(Rule::Fresh), made, "seed {seed}");
    }
}

/// Three more beside one computation: what happened around it may excuse one of them, or two.
#[test]
fn nearly_every_stampede_is_found() {
    let (mut made, mut found) = (0, 0);
    for (_, history) in histories() {
        // One that dies is an excuse of its own.
        let ends = |record: &&Record| matches!(record, Record::Computation { ended: Some(_), .. });
        for computation in history.records.iter().filter(ends).step_by(3) {
            let mut stampede = history.clone();
            stampede.records.extend([*computation; 3]);
            made += 1;
            found += usize::from(judged(&stampede).count(Rule::Once) > 0);
        }
    }
    assert!(found * 100 >= made * 99, "{found} of {made}");
}
