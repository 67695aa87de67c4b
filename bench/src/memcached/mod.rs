//! The memcached client beside others and beside what sockets allow: `cargo xtask bench
//! memcached`. Linux only. How it measures is told in the README of this crate.

mod bars;
mod caller;
mod cases;
mod cell;
mod keys;
pub(crate) mod leads;
mod limits;
mod ours;
mod peers;
mod rounds;
mod servers;
mod trials;
mod who;

use std::process::ExitCode;

use crate::Outcome;
use crate::cells::options::Options;
use crate::cells::python::{Peers, Python};
use crate::cells::{self, Table};
use crate::memcached::cases::Case;
use crate::memcached::cell::Cell;
use crate::memcached::rounds::{ROUNDS, Rounds, TRIALS, seconds};
use crate::memcached::who::Who;

type Standing = cells::Standing<Who>;

const PYTHON: Peers = Peers {
    script: concat!(env!("CARGO_MANIFEST_DIR"), "/src/memcached/peers.py"),
    packages: &["pymemcache", "pylibmc"],
};

/// The client beside others.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    tables("memcached", cases::ALL, arguments)
}

/// What the lead costs.
pub(crate) fn run_leads(arguments: &[&str]) -> Outcome {
    tables("leads", leads::ALL, arguments)
}

/// Prints a table and the bars of each case of `bench`.
fn tables(bench: &'static str, cases: &'static [Case], arguments: &[&str]) -> Outcome {
    let names: Vec<_> = cases.iter().map(|case| case.name).collect();
    let options = Options::parse(bench, &names, "", arguments)?;
    let python = cases.iter().any(Case::has_python);
    let python = python.then(|| Python::announced(PYTHON, options.quick));
    let mut rounds = Rounds::new(&options, python.flatten());
    println!("{}", heading(&options));
    let mut rows = Vec::new();
    for case in cases.iter().filter(|case| options.includes(case.name)) {
        let standings = rounds.of(case)?;
        let table = Table {
            case: case.name,
            columns: case.columns,
            standings: &standings,
            name: |who: &Who| who.name(),
        };
        table.print(case.title);
        for &bar in case.bars {
            bars::print(bar, &standings);
        }
        rows.extend(table.rows(bench));
    }
    options.end(&rows, &rounds.summary())
}

/// Runs one cell in this process, and prints its figures.
pub(crate) fn run_cell(cell: &str) -> Outcome {
    let cell: Cell = serde_json::from_str(cell)?;
    println!("{}", serde_json::to_string(&cell.run()?)?);
    Ok(ExitCode::SUCCESS)
}

/// What the figures are, in a line.
fn heading(options: &Options) -> String {
    let rounds = options.heading(&format!("{ROUNDS} rounds, {TRIALS} of trials"));
    let (warm_up, measured) = seconds(options);
    format!(
        "{rounds} of {measured} s after {warm_up} s, medians, of trials the worst; keys of 30 B, \
         servers with -t 1 -m 1024 -c 4096; times are per call"
    )
}
