//! From a schedule that goes wrong to a short one that still does.

use crate::bug::Bug;
use crate::oracle::{Rule, judge};
use crate::run::{carried_out, run};
use crate::schedule::Schedule;

/// `schedule` without steps that `rule` is broken without. Steps are left out in halves, quarters
/// and so on, as in Zeller's delta debugging, until each of them is needed.
pub(crate) fn shrunk(mut schedule: Schedule, bug: Option<Bug>, rule: Rule) -> Schedule {
    schedule.steps = carried_out(&schedule, bug).1;
    let mut length = schedule.steps.len();
    while length > 0 {
        let before = schedule.steps.len();
        let mut from = 0;
        while from < schedule.steps.len() {
            let mut shorter = schedule.clone();
            let to = (from + length).min(shorter.steps.len());
            shorter.steps.drain(from..to);
            if judge(&shorter, &run(&shorter, bug)).break_rule(rule) {
                schedule = shorter;
            } else {
                from = to;
            }
        }
        if length > 1 || schedule.steps.len() == before {
            length /= 2;
        }
    }
    schedule
}
