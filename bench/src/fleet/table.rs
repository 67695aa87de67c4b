//! What a run came to, in a row.

use std::fmt::Display;

use cachekit_core::testkit::history::{Record, Rule};

use crate::fleet::run::Run;
use crate::fleet::scene::Course;

/// So many violations and failed reads are shown of each run.
const SHOWN: usize = 10;

const COLUMNS: [&str; 11] = [
    "reads",
    "p50 ms",
    "p99 ms",
    "computed",
    "allowed",
    "killed",
    "takeovers",
    "told stale",
    "stale as fresh",
    "failed",
    "wrong",
];

/// One line for each run, and then what was wrong with the first.
pub(super) fn print(runs: &[Run]) {
    print!("\n{:<26}", "");
    line(COLUMNS);
    for run in runs {
        print!("{:<26}", title(run));
        line(row(run));
    }
    if let Some(first) = runs.first() {
        problems(first);
    }
}

fn line(cells: [impl Display; COLUMNS.len()]) {
    for (cell, name) in cells.iter().zip(COLUMNS) {
        print!(" {cell:>0$}", name.len().max(9));
    }
    println!();
}

/// What happens in a run.
pub(super) fn what(run: &Run) -> String {
    format!("{}: {}", run.scene.name, run.scene.what)
}

/// With how many, and for how long.
pub(super) fn how(run: &Run) -> String {
    let scene = &run.scene;
    let l1 = if scene.l1 { "on" } else { "off" };
    let course = match scene.course {
        Course::Steady { seconds } => format!("{seconds} s"),
        Course::Rounds { rounds: 1, .. } => "1 round".to_owned(),
        Course::Rounds { rounds, .. } => format!("{rounds} rounds"),
    };
    let store = match run.through.servers(scene.servers) {
        0 => "a directory".to_owned(),
        count => format!("{count} servers"),
    };
    format!(
        "{} processes x {} tasks, {} keys, {course}, {store}, L1 {l1}, origin {} ms",
        scene.processes,
        scene.tasks,
        scene.keys,
        scene.origin.as_millis(),
    )
}

fn title(run: &Run) -> String {
    format!("{}, {}", run.through.name(), run.scene.name)
}

fn row(run: &Run) -> [String; COLUMNS.len()] {
    let (tally, times) = (&run.findings.tally, read_times(run));
    let quantile = |share: usize| match times.get(times.len() * share / 100) {
        Some(&nanoseconds) => format!("{:.2}", nanoseconds as f64 / 1e6),
        None => "-".to_owned(),
    };
    let is_kill = |record: &&Record| matches!(record, Record::Killed { .. });
    let killed = run.history.records.iter().filter(is_kill).count();
    [
        tally.reads.to_string(),
        quantile(50),
        quantile(99),
        tally.computations.to_string(),
        tally.allowed().to_string(),
        killed.to_string(),
        tally.takeovers.to_string(),
        tally.stale_reads.to_string(),
        run.findings.count(Rule::Fresh).to_string(),
        (run.failed.len() + run.unfinished).to_string(),
        run.findings.violations.len().to_string(),
    ]
}

/// Sorted.
fn read_times(run: &Run) -> Vec<u64> {
    let time = |record: &Record| match *record {
        Record::Read { began, ended, .. } => Some(ended - began),
        _ => None,
    };
    let mut times: Vec<u64> = run.history.records.iter().filter_map(time).collect();
    times.sort_unstable();
    times
}

fn problems(run: &Run) {
    let title = title(run);
    println!("\n{title}: {}", run.findings);
    let counts = run
        .counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"));
    let counts: Vec<_> = counts.collect();
    println!("the processes say: {}", counts.join(", "));
    for problem in run.failed.iter().take(SHOWN) {
        println!("failed: {problem}");
    }
    if run.unfinished > 0 {
        println!(
            "{} tasks still waited for a read at the end",
            run.unfinished
        );
    }
}
