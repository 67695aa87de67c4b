//! The file backend beside others and beside what the system's calls allow: `cargo xtask bench
//! file`. Linux only. How it measures is told in the README of this crate.

mod bars;
mod cases;
mod cell;
mod churn;
mod crew;
mod disk;
mod keys;
mod limits;
mod load;
mod ours;
mod peers;
mod rounds;
mod scale;
mod shelf;
mod store;
mod trials;
mod who;

use std::process::ExitCode;

use crate::Outcome;
use crate::cells::options::Options;
use crate::cells::python::{Peers, Python};
use crate::cells::{self, Table};
use crate::file::cell::Cell;
use crate::file::rounds::{ROUNDS, Rounds};
use crate::file::scale::Scale;
use crate::file::who::Who;

type Standing = cells::Standing<Who>;

const PYTHON: Peers = Peers {
    script: concat!(env!("CARGO_MANIFEST_DIR"), "/src/file/peers.py"),
    packages: &["diskcache"],
};

/// The backend beside others.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let (scale, arguments) = Scale::parse(arguments)?;
    let names: Vec<_> = scale.cases.iter().map(|case| case.name.as_str()).collect();
    let options = Options::parse("file", &names, " [--million] [--churn SECONDS]", &arguments)?;
    let scale = scale.of(options.quick);
    let included = scale.cases.iter();
    let included: Vec<_> = included
        .filter(|case| options.includes(&case.name))
        .collect();
    let python = Python::announced(PYTHON, options.quick);
    if !cfg!(feature = "file-peers") {
        println!("not run: cacache, redb, fjall, foyer: built without `file-peers`");
    }
    let mut rounds = Rounds::new(&options, &scale, python, &included)?;
    println!("{}", heading(&options, &scale));
    let mut rows = Vec::new();
    for case in included {
        let standings = rounds.of(case)?;
        let table = Table {
            case: &case.name,
            columns: case.columns,
            standings: &standings,
            name: |who: &Who| who.name(),
        };
        table.print(&case.title);
        for &bar in &case.bars {
            bars::print(bar, &standings);
        }
        rows.extend(table.rows("file"));
    }
    options.end(&rows, &rounds.summary())
}

/// Runs one cell in this process, which prints its figures.
pub(crate) fn run_cell(cell: &str) -> Outcome {
    let cell: Cell = serde_json::from_str(cell)?;
    cell.run()?;
    Ok(ExitCode::SUCCESS)
}

/// What the figures are, in a line.
fn heading(options: &Options, scale: &Scale) -> String {
    format!(
        "{} of at most {} s, medians; {} entries, keys of 30 B; times are per call and process",
        options.heading(&format!("{ROUNDS} rounds")),
        scale.seconds,
        scale.entries,
    )
}
