//! Instructions that a hit may take: time depends on the machine, these do not.

use std::process::ExitCode;

use crate::{Failed, Outcome, callgrind, hits};

/// Hits of one contender in one case, as `pass` knows them, and how many instructions one may take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) case: &'static str,
    pub(crate) who: &'static str,
    /// How many hits a pass is.
    pub(crate) hits: u64,
    pub(crate) instructions: u64,
}

/// Counts the instructions of hits, and fails above a budget.
pub(crate) fn run() -> Outcome {
    let mut code = ExitCode::SUCCESS;
    let budgets = hits::BUDGETS.iter();
    #[cfg(target_os = "linux")]
    let budgets = budgets.chain(&crate::memcached::leads::budget::BUDGETS);
    for budget in budgets {
        if !budget.is_kept()? {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}

impl Budget {
    fn is_kept(&self) -> Result<bool, Failed> {
        let Self {
            case,
            who,
            hits,
            instructions,
        } = *self;
        let count = callgrind::instructions_per_pass(case, who)? / hits;
        let kept = count <= instructions;
        let verdict = if kept { "within" } else { "ABOVE" };
        println!(
            "{case}, {who}: {count} instructions a hit, {verdict} the budget of {instructions}"
        );
        Ok(kept)
    }
}
