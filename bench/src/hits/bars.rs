//! What a hit of ours may cost, as a ratio to something in the same run.

use crate::bar::{above, at_least, at_most};
use crate::hits::Cost;
use crate::hits::contender::Role;

/// Prints of each bar in one case whether it is met.
pub(super) fn print(costs: &[Cost]) {
    let Some(ours) = costs.iter().find(|cost| cost.role == Role::Ours) else {
        return;
    };
    let own = ours.nanoseconds.one_thread;
    for other in costs {
        let ns = other.nanoseconds.one_thread;
        match other.role {
            Role::Limit => at_most("ours / limit", own / ns, 2.0),
            Role::Macro => above(&format!("{} / ours", other.who), ns / own, 1.0),
            Role::CachekitRs => at_least(&format!("{} / ours", other.who), ns / own, 3.0),
            Role::Ours | Role::Store => {}
        }
    }
    at_most("two threads / one", ours.nanoseconds.two_threads / own, 1.5);
    at_most("allocations", ours.allocations, 0.0);
}
