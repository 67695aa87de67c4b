//! What must be true of every history, whatever happened.
//!
//! 1. No read is older than the last write of its key that was reported as done more than L1's
//!    bound before the read began; no bound at all in the process that wrote. A write that failed or
//!    was dropped obliges nobody. What was expired may be served in grace, where something is
//!    written here that excuses it.
//! 2. One computation at a time for each key and process, and for each key and release in the
//!    fleet, unless something is written here that excuses another.
//! 3. No value under another's key.
//! 4. What is not to be stored is given to its caller alone, or to those who wait for it.
//! 5. A call for many is told that there is nothing if the origin has said so, since the last write.
//! 6. No process computes more at once than it has places.
//! 7. A call inside of a computation does not wait for that computation.
//! 8. Every call ends, unless its own computation never does.

mod computations;
mod places;
mod reads;
mod story;

use std::fmt;
use std::ops::AddAssign;

use crate::history::Record;
use crate::schedule::Schedule;
use story::Story;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    Fresh,
    OneInProcess,
    OneInFleet,
    OwnKey,
    /// That there is nothing was not said.
    Absence,
    NotStored,
    Circle,
    Places,
    Ends,
}

#[derive(Clone, Debug)]
pub(crate) struct Violation {
    pub(crate) rule: Rule,
    text: String,
}

/// What was looked at: a rule that never applies proves nothing, nor does one that is excused
/// whenever it does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) calls: u64,
    pub(crate) computations: u64,
    /// Reads that a write before them bound to a version.
    pub(crate) bound_reads: u64,
    /// Those in processes whose L1 is off.
    pub(crate) bound_without_l1: u64,
    /// Reads that were older than that, in grace.
    pub(crate) excused_in_grace: u64,
    /// Computations beside another of their key in their process.
    pub(crate) excused_in_process: u64,
    /// Computations beside another of their key and release elsewhere.
    pub(crate) excused_in_fleet: u64,
    /// How often something was looked at that the topic of the family is about.
    pub(crate) to_the_point: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) violations: Vec<Violation>,
    pub(crate) tally: Tally,
}

impl Findings {
    fn violated(&mut self, rule: Rule, text: String) {
        self.violations.push(Violation { rule, text });
    }

    pub(crate) fn break_rule(&self, rule: Rule) -> bool {
        self.violations
            .iter()
            .any(|violation| violation.rule == rule)
    }
}

/// Everything that is wrong with `history`, and how much was looked at.
pub(crate) fn judge(schedule: &Schedule, history: &[Record]) -> Findings {
    let story = Story::new(schedule, history);
    let mut findings = Findings::default();
    findings.tally.calls = story.calls.len() as u64;
    findings.tally.computations = story.computations.len() as u64;
    reads::check(&story, &mut findings);
    computations::check(&story, &mut findings);
    computations::check_circles(&story, &mut findings);
    computations::check_ends(&story, &mut findings);
    places::check(&story, &mut findings);
    findings
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.rule, self.text)
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.computations += other.computations;
        self.bound_reads += other.bound_reads;
        self.excused_in_grace += other.excused_in_grace;
        self.excused_in_process += other.excused_in_process;
        self.excused_in_fleet += other.excused_in_fleet;
        self.bound_without_l1 += other.bound_without_l1;
        self.to_the_point += other.to_the_point;
    }
}
