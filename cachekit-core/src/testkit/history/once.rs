//! How often the origin may be asked.

use super::by_key::{ByKey, Computation, Story};
use super::excuses::Excuses;
use super::findings::{Findings, Rule, Violation};
use super::rules::nanos;

/// Between two computations that follow each other there is an excuse of their own. One that has
/// none is left out from then on, so that each is found once.
pub(super) fn check(by_key: &ByKey<'_>, key: u32, story: &Story, findings: &mut Findings) {
    let lag = nanos(by_key.rules.lag);
    let mut excuses = Excuses::new(by_key, story, &mut findings.tally);
    findings.tally.computations += story.computations.len() as u64;
    findings.tally.keys += u64::from(!story.computations.is_empty());

    let mut before: Option<&Computation> = None;
    for computation in &story.computations {
        match before {
            // What took effect since its lead was given may have been before it asked.
            Some(before) if !excuses.take(before.began.saturating_sub(lag), computation.began) => {
                findings
                    .violations
                    .push(violation(key, before, computation));
            }
            _ => before = Some(computation),
        }
    }
}

fn violation(key: u32, before: &Computation, computation: &Computation) -> Violation {
    let (earlier, at) = (before.began, computation.began);
    Violation {
        rule: Rule::Once,
        key,
        at,
        expected: format!("a reason of its own after the computation of {earlier}"),
        records: vec![computation.record(key), before.record(key)],
    }
}
