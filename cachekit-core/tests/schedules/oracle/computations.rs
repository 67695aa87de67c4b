//! How many computed at once, and what excuses it.

use std::time::Duration;

use super::reads::{LANDING_MS, token_bound_ms};
use super::story::{Call, Computation, Moment, Story};
use super::{Findings, Rule};
use crate::family::Topic;
use crate::history::ComputationEnd;
use crate::operation::{Mood, Operation, Says};

/// How long a flight has its key, in milliseconds.
pub(super) const FLIGHT_MS: u64 = 60_000;
/// How long a flight waits for the lead of another process, in milliseconds.
const LEAD_BUDGET_MS: u64 = 60_000;
/// A lead is renewed in time as long as no step of the clock is longer, and on a slow way to the
/// store.
const STEP: Duration = Duration::from_millis(2_500);
const STEP_WHEN_SLOW: Duration = Duration::from_secs(1);
/// The same, where everything on the way from the lead to its renewal was as late as that.
const STEP_AFTER_STEP: Duration = Duration::from_millis(1_200);
/// For how long a process that could not add its release to the store's list leaves it alone, in
/// milliseconds: until then it leads nothing.
const LIST_RETRY_MS: u64 = 1_000;
/// How long a call inside of a computation waits for another flight, in milliseconds.
pub(super) const INSIDE_BUDGET_MS: u64 = 8_000;
/// For how long callers of a key whose result is for one alone do not wait for each other, nor
/// processes that have read the mark of it, once that was left, in milliseconds.
const PASS_MS: u64 = 10_000 + LANDING_MS;

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
        let refreshes =
            story.schedule.family.topic == Topic::Refreshed && served_beside(story, two);
        findings.tally.to_the_point += u64::from(refreshes);
        findings.tally.excused_in_process += u64::from(in_process);
        findings.tally.excused_in_fleet += u64::from(in_fleet);
    }
}

/// Whether others were given a value of its key while it ran: it was computed before there was need
/// to.
fn served_beside(story: &Story<'_>, refresh: &Computation) -> bool {
    story.calls.values().any(|read| {
        read.began > refresh.began
            && read.over < refresh.over
            && read.found(refresh.key).any(Option::is_some)
    })
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
        || [one, two].into_iter().any(|of| has_old_token(story, of))
        || [one, two].into_iter().any(|of| is_marked(story, of))
        || story.store_was_in_trouble(trouble_ms, two.began)
        || story.time_jumped(step, from, two.began)
        || [one, two]
            .into_iter()
            .any(|of| story.was_told_late(step, of))
        || story.lead_had_ended(one, two) && story.time_jumped(STEP_AFTER_STEP, from, two.began)
}

/// Whether a computation may be of an entry under a token that another process has removed.
fn has_old_token(story: &Story<'_>, computation: &Computation) -> bool {
    let call = story.call_of(computation);
    let bound_ms = token_bound_ms(story, call.process);
    story.calls.values().any(|removal| {
        removal.operation == Operation::RemoveNamespace
            && removal.process != call.process
            && removal.began < computation.began
            && removal.over.at_ms.saturating_add(bound_ms) > call.began.at_ms
    })
}

fn first_began(story: &Story<'_>, one: &Computation, two: &Computation) -> Moment {
    story.call_of(one).began.min(story.call_of(two).began)
}

/// Whether a computation may be without a flight, or its flight without the lead: one that it may
/// have waited for took longer than `budget_ms`, or failed with an error that is not shared.
fn is_alone(story: &Story<'_>, computation: &Computation, budget_ms: u64) -> bool {
    let call = story.call_of(computation);
    let oldest_ms = computation.began.at_ms.saturating_sub(budget_ms);
    let of_same_key = story
        .calls
        .values()
        .filter(|other| other.process == call.process && other.operation.computes(computation.key));
    of_same_key
        .filter(|other| other.began.at_ms <= oldest_ms)
        .any(|other| flight_over(story, other) >= call.began)
        || has_waited_inside(call, computation)
        || saw_a_failure(story, call, computation)
        || is_passed(story, call, computation)
        || story.goes_round(call)
}

/// Whether `call`, inside of a computation, had no time left to wait.
fn has_waited_inside(call: &Call, computation: &Computation) -> bool {
    let waited_ms = computation.began.at_ms - call.began.at_ms;
    call.inside.is_some() && waited_ms >= INSIDE_BUDGET_MS
}

/// Whether a result was for its caller alone a while ago: nobody of its process waits then.
fn is_passed(story: &Story<'_>, call: &Call, alone: &Computation) -> bool {
    let least_ms = alone.began.at_ms.saturating_sub(PASS_MS);
    story.computations.iter().any(|private| {
        private.key == alone.key
            && story.call_of(private).process == call.process
            && story.says(private) == Says::NoStore
            && private.over < alone.began
            && private.over.at_ms >= least_ms
    })
}

/// Whether a call may have read the mark that a result of its key was for its caller alone.
fn is_marked(story: &Story<'_>, computation: &Computation) -> bool {
    let call = story.call_of(computation);
    story.computations.iter().any(|private| {
        private.key == computation.key
            && story.says(private) == Says::NoStore
            && private.over < computation.began
            && private.over.at_ms + PASS_MS >= call.began.at_ms
    })
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
        let origin = call.operation.origin();
        let never = origin.is_some_and(|origin| origin.mood == Mood::NeverReturns);
        let computes = story.computations.iter().any(|own| own.call == call.number);
        if !(never && computes) {
            let text = format!("call {} does not end: {:?}", call.number, call.operation);
            findings.violated(Rule::Ends, text);
        }
    }
}

/// A call for a key that is computed around it does not wait for that.
pub(super) fn check_circles(story: &Story<'_>, findings: &mut Findings) {
    for call in story.calls.values().filter(|call| story.is_circle(call)) {
        findings.tally.to_the_point += 1;
        let own = |computation: &&Computation| computation.call == call.number;
        let own = story.computations.iter().find(own);
        let went_on = own.map_or(call.over, |own| own.began);
        if went_on.at_ms > call.began.at_ms {
            let text = format!("call {} waits for a computation around it", call.number);
            findings.violated(Rule::Circle, text);
        }
    }
}
