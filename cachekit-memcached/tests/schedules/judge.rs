//! Whether what happened may happen.

use std::time::Duration;

use cachekit_core::testkit::history::{History, Record, Rule, Rules, Tally, Violation, check};

use crate::bug::Bug;
use crate::family::{Family, Trouble};
use crate::run::{ROUND, run};
use crate::schedule::{Action, Schedule, Step};

/// How long a lead stands that nobody renews.
const HOLD: Duration = Duration::from_secs(6);
const SECOND: Duration = Duration::from_secs(1);
/// What a server takes for one that is lost lives for ten seconds, and some do not see at once that
/// it is lost, or that it is there again.
const STANDS_IN: Duration = Duration::from_secs(15);

/// What was found.
pub(crate) struct Judged {
    /// What was not to happen, in words.
    pub(crate) wrong: Vec<String>,
    pub(crate) tally: Tally,
}

/// What there was in many schedules.
#[derive(Debug, Default)]
pub(crate) struct Sum {
    pub(crate) reads: u64,
    /// Of those, the ones that an invalidation bound.
    pub(crate) bound: u64,
    /// Of those, the ones that went on when a leader died.
    pub(crate) over_a_death: u64,
    pub(crate) computations: u64,
    pub(crate) losses: u64,
}

impl Sum {
    pub(crate) fn add(&mut self, tally: &Tally) {
        self.reads += tally.reads;
        self.bound += tally.bound_reads;
        self.over_a_death += tally.reads_over_a_death;
        self.computations += tally.computations;
        self.losses += tally.node_losses;
    }
}

/// Carries `schedule` out, and judges what happens.
pub(crate) fn judged(schedule: &Schedule, bug: Option<Bug>) -> Judged {
    let told = run(schedule, bug);
    let findings = check(&told.history, &rules(schedule));
    let mut violations = findings.violations;
    let binding = binding(schedule.family);
    violations.retain(|violation| binding.contains(&violation.rule));
    violations.extend(too_old(schedule, told.history));
    let mut wrong = told.failed;
    wrong.extend(violations.iter().map(ToString::to_string));
    Judged {
        wrong,
        tally: findings.tally,
    }
}

/// What binds beside [`Rule::Fresh`].
fn binding(family: Family) -> &'static [Rule] {
    match family.trouble {
        // Who is not answered in time computes for itself.
        Trouble::Late => &[Rule::Computed],
        _ if family.is_short_lived() => &[Rule::Computed, Rule::Replaced],
        _ => &[Rule::Computed, Rule::Once, Rule::Replaced],
    }
}

/// Reads that were given what was over.
fn too_old(schedule: &Schedule, mut history: History) -> impl Iterator<Item = Violation> {
    if schedule.servers == 1 {
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
    if schedule.servers == 1 {
        // Without a server each computes for itself, as often as it is asked.
        let asked = |step: &Step| match step.action {
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
    let Family {
        slowest, latest, ..
    } = schedule.family;
    let early = (4 * slowest).max(2 * SECOND).min(schedule.ttl / 2);
    Rules {
        l1_bound: schedule.l1_max_age.unwrap_or_default(),
        ttl: (schedule.ttl.mul_f64(0.9) - early).saturating_sub(SECOND),
        // Over what stands a leader cannot show that it is alive.
        lease: (2 * slowest).max(HOLD).mul_f64(1.1),
        lag: SECOND + 4 * latest,
        after_node_loss: 2 * ROUND,
        computations_per_node_loss: computations_per_loss(schedule),
        poll: Rules::default().poll + 2 * latest,
        ..Rules::default()
    }
}
