//! How many computations a process runs at once.

use std::collections::BTreeSet;

use super::computations::FLIGHT_MS;
use super::story::{Call, Computation, Moment, Story};
use super::{Findings, Rule};

/// No process runs more calls of the origin at once than it has places. Those inside of others are
/// in the place of those, and those that wait for one inside may have lent theirs: they go on only
/// with a place.
pub(super) fn check(story: &Story<'_>, findings: &mut Findings) {
    let places = story.schedule.places;
    for computation in &story.computations {
        let process = story.call_of(computation).process;
        let now = computation.began;
        let run = story
            .computations
            .iter()
            .filter(|other| story.call_of(other).process == process && runs(story, other, now));
        let calls: BTreeSet<usize> = run.map(|other| outermost(story, other)).collect();
        if calls.len() < places {
            continue;
        }
        findings.tally.to_the_point += 1;
        if calls.len() > places {
            let text = format!("process {process} runs calls {calls:?} in {places} places");
            findings.violated(Rule::Places, text);
        }
    }
}

fn outermost(story: &Story<'_>, computation: &Computation) -> usize {
    let around = story.around(story.call_of(computation));
    around.last().unwrap_or(computation.call)
}

fn runs(story: &Story<'_>, computation: &Computation, now: Moment) -> bool {
    let waits_for = |inside: &Call| {
        inside.inside == Some(computation.call) && inside.began <= now && inside.over > now
    };
    // One that has its key no longer has left its place, which those inside of it share.
    let began = story.calls[&outermost(story, computation)].began;
    let age_ms = now.at_ms - began.at_ms.min(now.at_ms);
    computation.began <= now
        && computation.over > now
        && age_ms < FLIGHT_MS
        && !story.calls.values().any(waits_for)
}
