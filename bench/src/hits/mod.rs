//! What a hit costs: time, allocations, instructions; on one thread and on two.

mod bars;
mod contender;
mod keys;
mod limit;
mod ours;
mod peers;

use std::path::PathBuf;
use std::process::ExitCode;

use crate::budget::Budget;
use crate::hits::contender::{Case, Contender, Role};
use crate::hits::keys::{ENTRIES, origin_calls};
use crate::measure::{self, Nanoseconds, Pass, ROUNDS};
use crate::row::{self, Row};
use crate::{Failed, Outcome, allocations, callgrind};

/// Two in a hundred above what they took when the figures were set, with rustc 1.95 on x86-64.
pub(crate) const BUDGETS: [Budget; 2] = [budget(Case::Number, 550), budget(Case::Pair, 780)];

const fn budget(case: Case, instructions: u64) -> Budget {
    Budget {
        case: case.name(),
        who: ours::WHO,
        hits: ENTRIES as u64,
        instructions,
    }
}

/// What one contender costs in one case, each figure for one hit.
#[derive(Debug)]
struct Cost {
    case: Case,
    role: Role,
    who: String,
    nanoseconds: Nanoseconds,
    allocations: f64,
    /// `None` without valgrind.
    instructions: Option<f64>,
}

/// Prints the table and the bars.
pub(crate) fn run(json: Option<PathBuf>) -> Outcome {
    let count_instructions = callgrind::is_installed();
    if !count_instructions {
        eprintln!("valgrind is not installed: instructions are left out");
    }
    println!(
        "{ENTRIES} entries, median of {ROUNDS} rounds, one hit; ns x2: as seen by each of two threads"
    );
    let mut costs = Vec::new();
    for case in Case::ALL {
        let of_case = costs_of(case, count_instructions)?;
        print_table(case, &of_case);
        bars::print(&of_case);
        costs.extend(of_case);
    }
    println!(
        "\nother programs had the processor for {:.0} % of the time",
        measure::disturbance() * 100.0
    );
    if let Some(file) = json {
        row::write_json(&costs.iter().flat_map(rows).collect::<Vec<_>>(), &file)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs `count` passes of one contender, after one that fills it.
pub(crate) fn pass(case: &str, who: &str, count: &str) -> Outcome {
    let case = Case::ALL.into_iter().find(|known| known.name() == case);
    let case = case.ok_or("no such case")?;
    let contender = contenders(case).into_iter().find(|known| known.who == who);
    let contender = contender.ok_or("no such contender in this case")?;
    contender.pass(0);
    measure::counted(&contender, count.parse()?);
    Ok(ExitCode::SUCCESS)
}

fn contenders(case: Case) -> Vec<Contender> {
    let mut contenders = ours::contenders(case);
    contenders.extend(limit::contenders(case));
    contenders.extend(peers::contenders(case));
    contenders
}

fn costs_of(case: Case, count_instructions: bool) -> Result<Vec<Cost>, Failed> {
    let contenders = contenders(case);
    for contender in &contenders {
        fill(contender)?;
    }
    let before = origin_calls();
    let nanoseconds = measure::rounds(&contenders);
    let mut costs = Vec::new();
    for (contender, nanoseconds) in contenders.iter().zip(nanoseconds) {
        let instructions = match count_instructions {
            true => Some(callgrind::instructions_per_pass(
                case.name(),
                &contender.who,
            )?),
            false => None,
        };
        costs.push(Cost {
            case,
            role: contender.role,
            who: contender.who.clone(),
            nanoseconds: nanoseconds.per(ENTRIES),
            allocations: allocations::during(|| contender.pass(0)) as f64 / ENTRIES as f64,
            instructions: instructions.map(|count| count as f64 / ENTRIES as f64),
        });
    }
    match origin_calls() - before {
        0 => Ok(costs),
        misses => Err(format!("{}: {misses} calls were no hits", case.name()).into()),
    }
}

/// One pass of misses.
fn fill(contender: &Contender) -> Result<(), Failed> {
    let before = origin_calls();
    contender.pass(0);
    match origin_calls() - before {
        misses if misses == ENTRIES as u64 => Ok(()),
        misses => Err(format!("{}: {misses} misses at first", contender.who).into()),
    }
}

fn print_table(case: Case, costs: &[Cost]) {
    println!(
        "\n{:<54} {:>8} {:>8} {:>12} {:>13}",
        case.name(),
        "ns",
        "ns x2",
        "allocations",
        "instructions"
    );
    for cost in costs {
        let instructions = cost
            .instructions
            .map_or_else(|| "-".to_owned(), |count| format!("{count:.0}"));
        println!(
            "  {:<52} {:>8.1} {:>8.1} {:>12.2} {:>13}",
            cost.who,
            cost.nanoseconds.one_thread,
            cost.nanoseconds.two_threads,
            cost.allocations,
            instructions,
        );
    }
}

fn rows(cost: &Cost) -> Vec<Row> {
    let row = |case: String, median, unit, rounds| Row {
        bench: "hits",
        case,
        who: cost.who.clone(),
        median,
        unit,
        rounds,
    };
    let case = || cost.case.name().to_owned();
    let two_threads = format!("{}, two threads", cost.case.name());
    let mut rows = vec![
        row(case(), cost.nanoseconds.one_thread, "ns", ROUNDS),
        row(two_threads, cost.nanoseconds.two_threads, "ns", ROUNDS),
        row(case(), cost.allocations, "allocations", 1),
    ];
    let instructions = cost
        .instructions
        .map(|count| row(case(), count, "instructions", 1));
    rows.extend(instructions);
    rows
}
