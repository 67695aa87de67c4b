//! Whether what happened may happen.

use super::bug::Bug;
use super::family::Family;
use super::run::run;
use super::schedule::{Schedule, Setting};
use super::seeds::{is_replay, seeds};
use super::shrink::shrunk;
use crate::testkit::history::{Rule, Tally, Violation};

/// What was found in one schedule.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What was not to happen, in words.
    pub wrong: Vec<String>,
    /// How much was looked at.
    pub tally: Tally,
}

impl Judged {
    /// Calls that failed, and what breaks a rule.
    #[must_use]
    pub fn new(mut failed: Vec<String>, broken: &[Violation], tally: Tally) -> Self {
        failed.extend(broken.iter().map(ToString::to_string));
        Self {
            wrong: failed,
            tally,
        }
    }
}

/// Runs every seed of `family`, as many as [`seeds`] says, and returns what there was in all of them.
///
/// # Panics
/// In one of them happened what was not to happen: the message is its [`report`]. Or the rules applied
/// to less than a third of the reads, which proves nothing.
pub fn holds<S: Setting>(family: Family<S>, usual: u64) -> Tally {
    let mut sum = Tally::default();
    for seed in seeds(usual) {
        let schedule = Schedule::new(family, seed);
        let judged = judged(&schedule);
        assert!(judged.wrong.is_empty(), "{}", report(&schedule));
        sum += judged.tally;
    }
    assert_says_much(sum.bound_reads * 3 > sum.reads, &sum);
    sum
}

/// Rules that seldom apply prove nothing: what there is in many schedules is to say much.
///
/// # Panics
/// It does not, and not because there was one schedule.
pub fn assert_says_much(says_much: bool, sum: &Tally) {
    assert!(says_much || is_replay(), "{sum:?}");
}

/// The first schedule of `family` in which `bug` breaks `rule`, of as many as usual.
#[must_use]
pub fn found<S: Setting>(
    bug: Bug,
    family: Family<S>,
    usual: u64,
    rule: Rule,
) -> Option<Schedule<S>> {
    let mut schedules = (0..usual).map(|seed| Schedule::new(family.with(bug), seed));
    let rule = format!("{rule}: ");
    schedules.find(|schedule| {
        let wrong = judged(schedule).wrong;
        wrong.iter().any(|what| what.starts_with(&rule))
    })
}

/// How to see again what goes wrong in `schedule`, and a short one in which it does.
#[must_use]
pub fn report<S: Setting>(schedule: &Schedule<S>) -> String {
    let of = |steps: &[_]| Schedule {
        steps: steps.to_vec(),
        ..schedule.clone()
    };
    let is_wrong = |steps: &[_]| !judged(&of(steps)).wrong.is_empty();
    let short = of(&shrunk(schedule.steps.clone(), is_wrong));
    let wrong = judged(&short).wrong.join("\n");
    let history = run(&short).history;
    let (name, seed) = (schedule.family.name, schedule.seed);
    format!("{name}: CACHEKIT_TEST_SEED={seed}\n{wrong}\n\n{short}\n{history}")
}

fn judged<S: Setting>(schedule: &Schedule<S>) -> Judged {
    S::judge(schedule, run(schedule))
}
