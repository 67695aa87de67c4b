//! How often the origin may be asked.

use super::by_key::{ByKey, Computation, Story};
use super::excuses::Excuses;
use super::findings::{Findings, Rule, Violation};
use super::rules::nanos;

/// In any stretch of time there is one computation more than excuses, at most. One that is too many
/// is left out from then on, so that each is found once.
pub(super) fn check(by_key: &ByKey<'_>, key: u32, story: &Story, findings: &mut Findings) {
    let lag = nanos(by_key.rules.lag);
    let excuses = Excuses::new(by_key, story, &mut findings.tally);
    findings.tally.computations += story.computations.len() as u64;
    findings.tally.keys += u64::from(!story.computations.is_empty());

    // From the computation with which the tightest stretch begins up to the latest, there are
    // `number + spent - excused` more computations than excuses.
    let mut tightest: Option<Start<'_>> = None;
    let mut number = 0;
    let mut latest: Option<&Computation> = None;
    for computation in &story.computations {
        let excused = excuses.up_to(computation.began);
        if let Some(start) = tightest
            .as_ref()
            .filter(|start| start.allows(excused) <= number)
        {
            let first = start.computation;
            let allowed = 1 + excused.saturating_sub(start.spent);
            let mut records = vec![computation.record(key)];
            records.extend(latest.map(|latest| latest.record(key)));
            records.push(first.record(key));
            records.dedup();
            findings.violations.push(Violation {
                rule: Rule::Once,
                key,
                at: computation.began,
                expected: format!("at most {allowed} from {} on", first.began),
                records,
            });
            continue;
        }
        let start = Start {
            number,
            spent: excuses.over_before(computation.began.saturating_sub(lag)),
            computation,
        };
        if tightest
            .as_ref()
            .is_none_or(|tightest| start.is_as_tight_as(tightest))
        {
            tightest = Some(start);
        }
        number += 1;
        latest = Some(computation);
    }
}

/// With which computation a stretch of time begins.
struct Start<'a> {
    /// How many computations were before it.
    number: u64,
    /// How many excuses were over by then.
    spent: u64,
    computation: &'a Computation,
}

impl Start<'_> {
    /// How many computations there may be from the start of the history until so many were excused.
    const fn allows(&self, excused: u64) -> u64 {
        (self.number + 1 + excused).saturating_sub(self.spent)
    }

    const fn is_as_tight_as(&self, other: &Self) -> bool {
        self.number + other.spent <= other.number + self.spent
    }
}
