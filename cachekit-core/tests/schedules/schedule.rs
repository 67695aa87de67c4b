//! What is to happen, made from a seed before anything happens.

use std::time::Duration;

use cachekit_core::testkit::Faults;

use crate::chance::Chance;

/// What schedules have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Family {
    pub(crate) name: &'static str,
    /// Whether the processes share a store; else each is alone.
    pub(crate) shared: bool,
    /// Whether the store fails, loses replies, and is away for some or for all.
    pub(crate) troubled: bool,
    /// Whether requests and replies may take seconds.
    pub(crate) slow: bool,
    /// Whether computations fail, panic and never return.
    pub(crate) moody: bool,
}

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Compute {
        key: u8,
        detached: bool,
        origin: Origin,
    },
    Get {
        key: u8,
    },
    GetMany {
        keys: Vec<u8>,
    },
    Set {
        key: u8,
    },
    Expire {
        key: u8,
    },
    Remove {
        key: u8,
    },
    RemoveTag {
        tag: u8,
    },
}

/// How a computation goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Answers { after: Duration },
    Fails { after: Duration },
    Panics { after: Duration },
    Never,
}

impl Operation {
    /// Which of so many keys a writer means, who has raised their versions in the source of truth
    /// before.
    pub(crate) fn writes(&self, keys: u8) -> Vec<u8> {
        match *self {
            Self::Compute { .. } | Self::Get { .. } | Self::GetMany { .. } => Vec::new(),
            Self::Set { key } | Self::Expire { key } | Self::Remove { key } => vec![key],
            Self::RemoveTag { tag } => (0..keys).filter(|key| tag_of(*key) == tag).collect(),
        }
    }

    /// The key that it may compute.
    pub(crate) fn computes(&self) -> Option<u8> {
        match *self {
            Self::Compute { key, .. } => Some(key),
            _ => None,
        }
    }
}

/// The tag of a key, where entries have tags.
pub(crate) fn tag_of(key: u8) -> u8 {
    key % 2
}

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

impl Schedule {
    pub(crate) fn new(family: Family, seed: u64) -> Self {
        let mut chance = Chance::new(seed);
        let keys = chance.pick(&[1, 2, 2, 6]);
        let ttl = chance.pick(&[2 * SECOND, 10 * SECOND, 60 * SECOND, 300 * SECOND]);
        let count = 1 + chance.index(if family.shared { 4 } else { 2 });
        let releases = if chance.one_in(3) { 2 } else { 1 };
        let processes = (0..count)
            .map(|_| Process {
                l1_max_age: chance.weighted(&[
                    (3, None),
                    (1, Some(Duration::ZERO)),
                    (3, Some(100 * MILLISECOND)),
                    (3, Some(SECOND)),
                    (1, Some(5 * SECOND)),
                ]),
                release: chance.index(releases),
            })
            .collect();
        let mut schedule = Self {
            family,
            seed,
            keys,
            ttl,
            grace: chance.pick(&[Duration::ZERO, 5 * SECOND, 600 * SECOND]),
            stale_while_refresh: chance.one_in(4),
            timeout: chance.pick(&[SECOND, 10 * SECOND]),
            tagged: chance.one_in(3),
            processes,
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
            stale_while_refresh,
            timeout,
            tagged,
            processes,
            ..
        } = self;
        let tags = if *tagged { ", tagged" } else { "" };
        let refresh = if *stale_while_refresh {
            ", stale while refresh"
        } else {
            ""
        };
        format!("ttl {ttl:?}, grace {grace:?}{refresh}, timeout {timeout:?}{tags}\n{processes:?}")
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
        match chance.below(20) {
            0..12 => Operation::Compute {
                key,
                detached: chance.one_in(3),
                origin: self.origin(chance),
            },
            12 => Operation::Get { key },
            13 => Operation::GetMany {
                keys: (0..3).map(|_| self.key(chance)).collect(),
            },
            14 => Operation::Set { key },
            15..17 => Operation::Expire { key },
            17..19 if self.tagged => Operation::RemoveTag { tag: tag_of(key) },
            _ => Operation::Remove { key },
        }
    }

    /// The first key is as busy as all others together.
    fn key(&self, chance: &mut Chance) -> u8 {
        if chance.one_in(2) {
            return 0;
        }
        u8::try_from(chance.below(u64::from(self.keys))).expect("less than a number of keys")
    }

    fn origin(&self, chance: &mut Chance) -> Origin {
        let after = chance.pick(&[
            Duration::ZERO,
            5 * MILLISECOND,
            200 * MILLISECOND,
            3 * SECOND,
            12 * SECOND,
        ]);
        let mood = if self.family.moody {
            chance.below(20)
        } else {
            20
        };
        match mood {
            0..2 => Origin::Fails { after },
            2 => Origin::Panics { after },
            3 => Origin::Never,
            4 => Origin::Answers { after: 25 * SECOND },
            _ => Origin::Answers { after },
        }
    }
}
