//! Whether what happened may happen.

use cachekit_core::testkit::history::{History, Record, Rule, Rules, Violation, check};
use cachekit_core::testkit::schedules::{Judged, Whole};

use crate::Schedule;
use crate::trouble::Trouble;

pub(crate) fn judged(schedule: &Schedule, whole: Whole) -> Judged {
    let rules = Rules {
        // Whoever computed and whoever asks, and whoever learns late that its lead is lost.
        computations_per_node_loss: 3,
        ..schedule.rules()
    };
    let findings = check(&whole.history, &rules);
    let mut violations = findings.violations;
    let binding = binding(schedule.family.setting);
    violations.retain(|violation| binding.contains(&violation.rule));
    violations.extend(too_old(whole.history, &rules));
    Judged::new(whole.failed, &violations, findings.tally)
}

/// What binds beside [`Rule::Fresh`].
const fn binding(trouble: Trouble) -> &'static [Rule] {
    match trouble {
        // Who does not renew its lead in time computes beside the next one.
        Trouble::Late | Trouble::Stops => &[Rule::Computed],
        _ => &[Rule::Computed, Rule::Once, Rule::Replaced],
    }
}

/// Reads that were given what was over: nothing excuses them, for files that are removed are
/// removed for all.
fn too_old(mut history: History, rules: &Rules) -> impl Iterator<Item = Violation> {
    let is_loss = |record: &Record| matches!(record, Record::NodeLost { .. });
    history.records.retain(|record| !is_loss(record));
    let violations = check(&history, rules).violations.into_iter();
    violations.filter(|violation| violation.rule == Rule::Fresh)
}
