//! How many computed at once, and what excuses it.

use std::time::Duration;

use super::story::{Call, Computation, Moment, Story};
use super::{Findings, Rule};
use crate::history::ComputationEnd;
use crate::schedule::{Operation, Origin};

/// How long a flight has its key, in milliseconds.
const FLIGHT_MS: u64 = 60_000;
/// How long a flight waits for the lead of another process, in milliseconds.
const LEAD_BUDGET_MS: u64 = 10_000;
/// A lead is renewed in time as long as no step of the clock is longer, and on a slow way to the
/// store.
const STEP: Duration = Duration::from_millis(2_500);
const STEP_WHEN_SLOW: Duration = Duration::from_secs(1);
/// For how long a process that could not add its release to the store's list leaves it alone, in
/// milliseconds: until then it leads nothing.
const LIST_RETRY_MS: u64 = 1_000;

pub(super) fn check(story: &Story<'_>, findings: &mut Findings) {
    for (index, two) in story.computations.iter().enumerate() {
        let (mut in_process, mut in_fleet) = (false, false);
        let before = story.computations[..index].iter();
        for one in before.filter(|one| one.key == two.key && one.over > two.began) {
            let processes = [one, two].map(|computation| story.call_of(computation).process);
            let (rule, excused) = if processes[0] == processes[1] {
                in_process = true;
                (Rule::OneInProcess, excused_in_process(story, one, two))
            } else if story.schedule.family.shared
                && story.release(processes[0]) == story.release(processes[1])
            {
                in_fleet = true;
                (Rule::OneInFleet, excused_in_fleet(story, one, two))
            } else {
                continue;
            };
            if !excused {
                let (one, two, key) = (one.call, two.call, two.key);
                let text = format!("call {two} computes key {key} while call {one} does");
                findings.violated(rule, text);
            }
        }
        findings.tally.excused_in_process += u64::from(in_process);
        findings.tally.excused_in_fleet += u64::from(in_fleet);
    }
}

/// Whether two flights of one process, or one and a call that was told to compute alone, may
/// overlap.
fn excused_in_process(story: &Story<'_>, one: &Computation, two: &Computation) -> bool {
    let process = story.call_of(one).process;
    let from = first_began(story, one, two);
    let alone = |computation| is_alone(story, computation, FLIGHT_MS);
    [one, two].into_iter().any(alone) || story.was_written(one.key, Some(process), from, two.began)
}

/// Whether two processes may compute at once: the store was in trouble, the lead may have been
/// lost, or one of the two is not led.
fn excused_in_fleet(story: &Story<'_>, one: &Computation, two: &Computation) -> bool {
    let from = first_began(story, one, two);
    let trouble_ms = from.at_ms.saturating_sub(LIST_RETRY_MS);
    let step = if story.schedule.family.slow {
        STEP_WHEN_SLOW
    } else {
        STEP
    };
    let alone = |computation| is_alone(story, computation, LEAD_BUDGET_MS);
    [one, two].into_iter().any(alone)
        || story.was_written(one.key, None, from, two.began)
        || story.store_was_in_trouble(trouble_ms, two.began)
        || story.time_jumped(step, from, two.began)
        || story.was_told_late(step, one)
}

fn first_began(story: &Story<'_>, one: &Computation, two: &Computation) -> Moment {
    story.call_of(one).began.min(story.call_of(two).began)
}

/// Whether a computation may be without a flight, or its flight without the lead: one that it may
/// have waited for took longer than `budget_ms`, or failed with an error that is not shared.
fn is_alone(story: &Story<'_>, computation: &Computation, budget_ms: u64) -> bool {
    let call = story.call_of(computation);
    let oldest_ms = computation.began.at_ms.saturating_sub(budget_ms);
    let of_same_key = story.calls.values().filter(|other| {
        other.process == call.process && other.operation.computes() == Some(computation.key)
    });
    of_same_key
        .filter(|other| other.began.at_ms <= oldest_ms)
        .any(|other| flight_over(story, other) >= call.began)
        || saw_a_failure(story, call, computation)
}

/// When a flight that `call` began is over at the latest.
fn flight_over(story: &Story<'_>, call: &Call) -> Moment {
    let own = story
        .computations
        .iter()
        .filter(|own| own.call == call.number);
    own.map(|own| own.over).fold(call.over, Moment::max)
}

/// Whether a computation failed whose flight `call` may have joined: its error is not shared, so
/// that every waiter computes.
fn saw_a_failure(story: &Story<'_>, call: &Call, alone: &Computation) -> bool {
    story.computations.iter().any(|failed| {
        let failing = story.call_of(failed);
        // The flight of a call that was dropped, or has not waited for it, goes on for others.
        let left = failing.outcome.is_none() || failing.over < failed.over;
        let joined = left || failing.over > call.began;
        matches!(
            failed.end,
            ComputationEnd::Failed | ComputationEnd::Panicked
        ) && failed.key == alone.key
            && failing.process == call.process
            && failed.over < alone.began
            && joined
    })
}

/// Every call ends, unless its own computation never does.
pub(super) fn check_ends(story: &Story<'_>, findings: &mut Findings) {
    for call in story.calls.values().filter(|call| call.unended) {
        let never = matches!(
            call.operation,
            Operation::Compute {
                origin: Origin::Never,
                ..
            }
        );
        let computes = story.computations.iter().any(|own| own.call == call.number);
        if !(never && computes) {
            let text = format!("call {} does not end: {:?}", call.number, call.operation);
            findings.violated(Rule::Ends, text);
        }
    }
}
