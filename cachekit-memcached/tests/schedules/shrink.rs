//! From a schedule that goes wrong to a short one that still does.

use crate::bug::Bug;
use crate::judge::judged;
use crate::schedule::Schedule;

/// `schedule` without steps that nothing goes wrong without. Steps are left out in halves, quarters
/// and so on, as in Zeller's delta debugging.
pub(crate) fn shrunk(mut schedule: Schedule, bug: Option<Bug>) -> Schedule {
    let mut length = schedule.steps.len().div_ceil(2);
    while length > 0 {
        let mut from = 0;
        while from < schedule.steps.len() {
            let mut shorter = schedule.clone();
            let to = (from + length).min(shorter.steps.len());
            shorter.steps.drain(from..to);
            if judged(&shorter, bug).wrong.is_empty() {
                from = to;
            } else {
                schedule = shorter;
            }
        }
        length /= 2;
    }
    schedule
}
