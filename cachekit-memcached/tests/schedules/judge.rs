//! Whether what happened may happen.

use std::time::Duration;

use cachekit_core::testkit::history::{History, Record, Rule, Rules, Violation, check};
use cachekit_core::testkit::schedules::{Action, Judged, ROUND, Step, Whole};

use crate::Schedule;
use crate::family::{Family, is_short_lived};
use crate::servers::Trouble;

/// What a server takes for one that is lost lives for ten seconds, and some do not see at once that
/// it is lost, or that it is there again.
const STANDS_IN: Duration = Duration::from_secs(15);

pub(crate) fn judged(schedule: &Schedule, whole: Whole) -> Judged {
    let findings = check(&whole.history, &rules(schedule));
    let mut violations = findings.violations;
    let binding = binding(schedule.family);
    violations.retain(|violation| binding.contains(&violation.rule));
    violations.extend(too_old(schedule, whole.history));
    Judged::new(whole.failed, &violations, findings.tally)
}

/// What binds beside [`Rule::Fresh`].
fn binding(family: Family) -> &'static [Rule] {
    match family.setting.trouble {
        // Who is not answered in time computes for itself.
        Trouble::Late => &[Rule::Computed],
        _ if is_short_lived(family) => &[Rule::Computed, Rule::Replaced],
        _ => &[Rule::Computed, Rule::Once, Rule::Replaced],
    }
}

/// Reads that were given what was over.
fn too_old(schedule: &Schedule, mut history: History) -> impl Iterator<Item = Violation> {
    if schedule.family.setting.count == 1 {
        // Nobody stands in for one that is lost.
        let is_loss = |record: &Record| matches!(record, Record::NodeLost { .. });
        history.records.retain(|record| !is_loss(record));
    }
    let rules = Rules {
        after_node_loss: STANDS_IN,
        ..rules(schedule)
    };
    let violations = check(&history, &rules).violations.into_iter();
    violations.filter(|violation| violation.rule == Rule::Fresh)
}

/// How often each key is computed at most because a server is lost, and comes back.
fn computations_per_loss(schedule: &Schedule) -> u32 {
    let processes = u32::try_from(schedule.processes).expect("a few");
    if schedule.family.setting.count == 1 {
        // Without a server each computes for itself, as often as it is asked.
        let asked = |step: &Step<_>| match step.action {
            Action::Read { .. } => 1,
            Action::Rush { .. } => processes,
            _ => 0,
        };
        return schedule.steps.iter().map(asked).sum();
    }
    // Each that learns of the return deletes what stood in, which others may still read.
    processes
}

fn rules(schedule: &Schedule) -> Rules {
    let rules = schedule.rules();
    // Over what stands a leader cannot show that it is alive.
    let patience = schedule.family.slowest.mul_f64(2.2);
    Rules {
        lease: rules.lease.max(patience),
        after_node_loss: 2 * ROUND,
        computations_per_node_loss: computations_per_loss(schedule),
        ..rules
    }
}
