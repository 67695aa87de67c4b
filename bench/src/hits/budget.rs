//! Instructions that a hit of ours may take: time depends on the machine, these do not.

use std::process::ExitCode;

use crate::hits::contender::Case;
use crate::hits::keys::ENTRIES;
use crate::hits::ours;
use crate::{Outcome, callgrind};

/// Two in a hundred above what they took when the figures were set, with rustc 1.95 on x86-64.
const BUDGETS: [(Case, u64); 2] = [(Case::Number, 550), (Case::Pair, 780)];

/// Counts the instructions of hits, and fails above the budget.
pub(crate) fn run() -> Outcome {
    let mut code = ExitCode::SUCCESS;
    for (case, budget) in BUDGETS {
        let case = case.name();
        let count = callgrind::instructions_per_pass(case, ours::WHO)? / ENTRIES as u64;
        let verdict = if count <= budget { "within" } else { "ABOVE" };
        println!("{case}: {count} instructions a hit, {verdict} the budget of {budget}");
        if count > budget {
            code = ExitCode::FAILURE;
        }
    }
    Ok(code)
}
