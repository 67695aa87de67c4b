//! What is to happen, made from a seed before anything happens.

use std::time::Duration;

use cachekit_core::testkit::Faults;
use cachekit_core::testkit::schedules::Chance;

use crate::family::{Family, Topic};
use crate::operation::{Ask, Mood, Operation, Origin, Says, tag_of};

/// A schedule of one family.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub(crate) family: Family,
    pub(crate) seed: u64,
    pub(crate) keys: u8,
    pub(crate) ttl: Duration,
    pub(crate) grace: Duration,
    pub(crate) stale_while_refresh: bool,
    /// How long callers wait.
    pub(crate) timeout: Duration,
    /// Whether entries have tags: one for the even keys, and one for the odd ones.
    pub(crate) tagged: bool,
    /// For how long it is stored that the origin does not have a key.
    pub(crate) negative_ttl: Duration,
    /// How many computations a process may run at once.
    pub(crate) places: usize,
    pub(crate) processes: Vec<Process>,
    pub(crate) steps: Vec<Step>,
}

#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// For how long it may keep what the store shares; `None`: its L1 is off.
    pub(crate) l1_max_age: Option<Duration>,
    /// Which release of the function it runs.
    pub(crate) release: usize,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A call begins; its number stays the same when steps before it are left out.
    Start {
        call: usize,
        process: usize,
        operation: Operation,
    },
    /// A call goes on, if it can.
    Poll(Which),
    /// The tasks of the runtime go on.
    Settle,
    Pass(Duration),
    Drop(Which),
    Outage(bool),
    Cut {
        process: usize,
        on: bool,
    },
    SetBack {
        process: usize,
        by: Duration,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// One of those there are, by any number.
    Any(usize),
    Call(usize),
}

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

impl Schedule {
    pub(crate) fn new(family: Family, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let keys = match family.topic {
            Topic::Crowded => 6,
            Topic::Many | Topic::Nested => chance.pick(&[2, 3, 6]),
            _ => chance.pick(&[1, 2, 2, 6]),
        };
        let ttl = match family.topic == Topic::Refreshed {
            true => chance.pick(&[2 * SECOND, 10 * SECOND]),
            false => chance.pick(&[2 * SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND]),
        };
        let mut schedule = Self {
            family,
            seed,
            keys,
            ttl,
            processes: processes(family, &mut chance),
            grace: chance.pick(&[Duration::ZERO, 5 * SECOND, 600 * SECOND]),
            stale_while_refresh: chance.one_in(4),
            timeout: chance.pick(&[SECOND, 10 * SECOND]),
            tagged: chance.one_in(3),
            negative_ttl: match family.topic {
                Topic::Many | Topic::Crowded => {
                    chance.pick(&[Duration::ZERO, 2 * SECOND, 60 * SECOND])
                }
                _ => Duration::ZERO,
            },
            places: if family.topic == Topic::Crowded {
                chance.pick(&[1, 2])
            } else {
                128
            },
            steps: Vec::new(),
        };
        let count = 60 + chance.index(200);
        schedule.steps = (0..count)
            .map(|call| schedule.step(call, &mut chance))
            .collect();
        schedule
    }

    /// All but its steps.
    pub(crate) fn settings(&self) -> String {
        let Self {
            ttl,
            grace,
            timeout,
            negative_ttl,
            places,
            processes,
            ..
        } = self;
        let tags = if self.tagged { ", tagged" } else { "" };
        let refresh = match self.stale_while_refresh {
            true => ", stale while refresh",
            false => "",
        };
        format!(
            "ttl {ttl:?}, negative {negative_ttl:?}, grace {grace:?}{refresh}, timeout {timeout:?}, \
             {places} places{tags}\n{processes:?}"
        )
    }

    /// What the store does wrong, while something is wrong with it at all.
    pub(crate) fn faults(&self) -> Faults {
        let share = if self.family.troubled { 0.04 } else { 0.0 };
        Faults {
            seed: self.seed,
            errors: share,
            lost_replies: share,
            ..Faults::default()
        }
    }

    fn step(&self, call: usize, chance: &mut Chance) -> Step {
        let process = chance.index(self.processes.len());
        let troubled = self.family.troubled;
        let any = Which::Any(chance.index(1 << 16));
        match chance.below(100) {
            0..20 => Step::Start {
                call,
                process,
                operation: self.operation(chance),
            },
            20..70 => Step::Poll(any),
            70..78 => Step::Settle,
            78..93 => Step::Pass(self.pause(chance)),
            93..96 => Step::Drop(any),
            96 if troubled => Step::Outage(chance.one_in(2)),
            97..99 if troubled => Step::Cut {
                process,
                on: chance.one_in(2),
            },
            99 => Step::SetBack {
                process,
                by: chance.pick(&[SECOND, 3_600 * SECOND]),
            },
            _ => Step::Poll(any),
        }
    }

    fn pause(&self, chance: &mut Chance) -> Duration {
        let longest = if self.family.slow { 20 } else { 6 };
        // A little more than bounds of L1 and than what computations take.
        chance.weighted(&[
            (4, MILLISECOND),
            (5, 10 * MILLISECOND),
            (6, 101 * MILLISECOND),
            (6, 1_001 * MILLISECOND),
            (4, 2_001 * MILLISECOND),
            (1, longest * SECOND),
        ])
    }

    fn operation(&self, chance: &mut Chance) -> Operation {
        let key = self.key(chance);
        let topic = self.family.topic;
        match chance.below(20) {
            0..9 if matches!(topic, Topic::Many | Topic::Crowded) => Operation::ComputeMany {
                keys: self.some_keys(chance),
                detached: chance.one_in(3),
                origin: self.origin(chance),
            },
            0..12 => Operation::Compute {
                key,
                detached: chance.one_in(3),
                origin: self.origin(chance),
            },
            12 => Operation::Get { key },
            13 => Operation::GetMany {
                keys: (0..3).map(|_| self.key(chance)).collect(),
            },
            _ if topic == Topic::Refreshed => Operation::Compute {
                key,
                detached: chance.one_in(3),
                origin: self.origin(chance),
            },
            14 => Operation::Set { key },
            15..17 => Operation::Expire { key },
            17..19 if topic == Topic::Namespaces => Operation::RemoveNamespace,
            17..19 if self.tagged => Operation::RemoveTag { tag: tag_of(key) },
            _ => Operation::Remove { key },
        }
    }

    /// From one to all, in any order, some of them twice.
    fn some_keys(&self, chance: &mut Chance) -> Vec<u8> {
        let count = 1 + chance.below(u64::from(self.keys));
        (0..count).map(|_| self.any_key(chance)).collect()
    }

    fn any_key(&self, chance: &mut Chance) -> u8 {
        u8::try_from(chance.below(u64::from(self.keys))).expect("less than a number of keys")
    }

    /// The first key is as busy as all others together.
    fn key(&self, chance: &mut Chance) -> u8 {
        if chance.one_in(2) {
            return 0;
        }
        self.any_key(chance)
    }

    fn ask(&self, chance: &mut Chance) -> Ask {
        Ask {
            key: self.any_key(chance),
            detached: chance.one_in(3),
        }
    }

    fn origin(&self, chance: &mut Chance) -> Origin {
        let after = chance.pick(&[
            Duration::ZERO,
            5 * MILLISECOND,
            200 * MILLISECOND,
            3 * SECOND,
            12 * SECOND,
        ]);
        let (after, mood) = match self.family.moody.then(|| chance.below(20)) {
            Some(0..2) => (after, Mood::Fails),
            Some(2) => (after, Mood::Panics),
            Some(3) => (after, Mood::NeverReturns),
            Some(4) => (25 * SECOND, Mood::Answers),
            _ => (after, Mood::Answers),
        };
        let says = match self.family.topic {
            Topic::Unstored => {
                chance.weighted(&[(3, Says::Nothing), (1, Says::NoStore), (1, Says::Unless)])
            }
            _ => Says::Nothing,
        };
        let depth = match self.family.topic {
            Topic::Nested => chance.pick(&[0, 1, 1, 2, 3]),
            Topic::Crowded => chance.pick(&[0, 0, 1]),
            _ => 0,
        };
        Origin {
            after,
            mood,
            says,
            asks: (0..depth).map(|_| self.ask(chance)).collect(),
        }
    }
}

fn processes(family: Family, chance: &mut Chance) -> Vec<Process> {
    let count = 1 + chance.index(if family.shared { 4 } else { 2 });
    let releases = if chance.one_in(3) { 2 } else { 1 };
    let process = |_| Process {
        l1_max_age: chance.weighted(&[
            (3, None),
            (1, Some(Duration::ZERO)),
            (3, Some(100 * MILLISECOND)),
            (3, Some(SECOND)),
            (1, Some(5 * SECOND)),
        ]),
        release: chance.index(releases),
    };
    (0..count).map(process).collect()
}
