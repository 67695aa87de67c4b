//! What happened, in the order in which it happened.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachekit_core::testkit::ManualClock;
use serde::{Deserialize, Serialize};

use crate::operation::{Operation, Says};

/// What the origin says, or a writer: whose value it is, and how new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Value {
    pub(crate) key: u8,
    pub(crate) version: u32,
    pub(crate) by: By,
}

/// Who made a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum By {
    Writer,
    /// The computation of this call, which said so much of it.
    Origin {
        call: usize,
        says: Says,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Record {
    pub(crate) at_ms: u64,
    pub(crate) event: Event,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A call begins, also one inside of a computation. A writer has just raised the version of each key that it `writes` in the
    /// source of truth, to this one.
    Began {
        call: usize,
        process: usize,
        /// The call whose computation calls.
        inside: Option<usize>,
        operation: Operation,
        writes: Vec<(u8, u32)>,
    },
    Ended {
        call: usize,
        outcome: Outcome,
    },
    /// Its future was dropped.
    Dropped {
        call: usize,
    },
    /// It had not ended when the schedule was over and every trouble long gone.
    Unended {
        call: usize,
    },
    /// The origin begins to compute the value of this version.
    Computing {
        call: usize,
        key: u8,
        version: u32,
    },
    Computed {
        call: usize,
        key: u8,
        end: ComputationEnd,
    },
    /// The store answers, or would.
    Store {
        process: usize,
        method: &'static str,
        key: String,
        reply: Reply,
    },
    Passed(Duration),
    WallClockStepped {
        process: usize,
        back: Duration,
    },
    Outage(bool),
    Cut {
        process: usize,
        on: bool,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Each key that was asked for, and what was found.
    Values(Vec<(u8, Option<Value>)>),
    Done,
    Failed,
    Panicked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ComputationEnd {
    Value,
    /// The origin does not have the key.
    Absent,
    Failed,
    Panicked,
    /// It was dropped before its end, or still runs.
    Cancelled,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply {
    Found,
    Stale,
    Missed,
    Leads,
    OtherLeads,
    Done,
    Superseded,
    /// Nothing happened.
    Failed,
    /// It happened, and nobody learns of it.
    Lost,
}

/// Writes the history, and has the clock that all go by.
#[derive(Debug)]
pub(crate) struct Journal {
    pub(crate) clock: ManualClock,
    records: Mutex<Vec<Record>>,
}

impl Journal {
    pub(crate) fn new(clock: ManualClock) -> Self {
        Self {
            clock,
            records: Mutex::default(),
        }
    }

    pub(crate) fn write(&self, event: Event) {
        let at_ms = self.clock.clock().monotonic_ms();
        self.records().push(Record { at_ms, event });
    }

    pub(crate) fn take(&self) -> Vec<Record> {
        std::mem::take(&mut self.records())
    }

    fn records(&self) -> MutexGuard<'_, Vec<Record>> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A history, one line for each record.
pub(crate) struct Lines<'a>(pub(crate) &'a [Record]);

impl fmt::Display for Lines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let start_ms = self.0.first().map_or(0, |record| record.at_ms);
        for (index, Record { at_ms, event }) in self.0.iter().enumerate() {
            writeln!(f, "{index:4} {:6} ms  {event:?}", at_ms - start_ms)?;
        }
        Ok(())
    }
}
