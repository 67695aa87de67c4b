//! The memcached client beside others and beside what sockets allow: `cargo xtask bench
//! memcached`. Linux only. How it measures is told in the README of this crate.

mod bars;
mod caller;
mod cases;
mod cell;
mod histogram;
mod keys;
pub(crate) mod leads;
mod limits;
mod machine;
mod options;
mod ours;
mod peers;
mod python;
mod rounds;
mod servers;
mod trials;
mod who;

use std::process::ExitCode;

use crate::memcached::cases::Case;
use crate::memcached::cell::{Cell, Figures};
use crate::memcached::options::Options;
use crate::memcached::python::Python;
use crate::memcached::rounds::Rounds;
use crate::memcached::who::Who;
use crate::row::{self, Row};
use crate::{Outcome, measure};

/// What a contender came to in one case.
#[derive(Debug)]
struct Standing {
    who: Who,
    figures: Figures,
    /// How many samples that is of.
    samples: usize,
}

impl Standing {
    /// Of all `samples`: medians, or what is worst for us where that `counts`.
    fn of(who: Who, samples: &[Figures], worst_counts: bool) -> Option<Self> {
        let of_figure = |name: &String| {
            let values: Vec<f64> = samples
                .iter()
                .filter_map(|figures| figures.get(name).copied())
                .collect();
            let value = match worst_counts {
                true => values.into_iter().fold(f64::MIN, f64::max),
                false => measure::median(values),
            };
            (name.clone(), value)
        };
        Some(Self {
            who,
            figures: samples.first()?.keys().map(of_figure).collect(),
            samples: samples.len(),
        })
    }

    /// A figure; where there is none, one that meets no bar.
    fn figure(&self, name: &str) -> f64 {
        self.figures.get(name).copied().unwrap_or(f64::NAN)
    }
}

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
    let options = Options::parse(bench, cases, arguments)?;
    let python = cases.iter().any(Case::has_python);
    let python = python.then(|| self::python(options.quick)).flatten();
    let mut rounds = Rounds::new(&options, python);
    println!("{}", options.heading());
    let mut rows = Vec::new();
    for case in cases.iter().filter(|case| options.includes(case)) {
        let standings = rounds.of(case)?;
        print_table(case, &standings);
        for &bar in case.bars {
            bars::print(bar, &standings);
        }
        rows.extend(
            standings
                .iter()
                .flat_map(|standing| rows_of(bench, case, standing)),
        );
    }
    println!("\n{}", rounds.summary());
    if let Some(file) = options.json {
        row::write_json(&rows, &file)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs one cell in this process, and prints its figures.
pub(crate) fn run_cell(cell: &str) -> Outcome {
    let cell: Cell = serde_json::from_str(cell)?;
    println!("{}", serde_json::to_string(&cell.run()?)?);
    Ok(ExitCode::SUCCESS)
}

fn python(quick: bool) -> Option<Python> {
    let python = if quick {
        Err("left out of a quick run".into())
    } else {
        Python::ready()
    };
    let python = python.and_then(|python| {
        println!("{}", python.versions()?.trim());
        Ok(python)
    });
    python
        .inspect_err(|problem| println!("not run: pymemcache and pylibmc: {problem}"))
        .ok()
}

fn print_table(case: &Case, standings: &[Standing]) {
    println!("\n{}: {}", case.name, case.title);
    print!("  {:<46}", "");
    for column in case.columns {
        print!(" {column:>14}");
    }
    println!(" {:>8}", "samples");
    for standing in standings {
        print!("  {:<46}", standing.who.name());
        for column in case.columns {
            match standing.figures.get(*column) {
                Some(figure) => print!(" {figure:>14.2}"),
                None => print!(" {:>14}", "-"),
            }
        }
        println!(" {:>8}", standing.samples);
    }
}

fn rows_of<'a>(
    bench: &'static str,
    case: &'a Case,
    standing: &'a Standing,
) -> impl Iterator<Item = Row> + 'a {
    let row = move |&unit: &'static _| {
        Some(Row {
            bench,
            case: case.name.to_owned(),
            who: standing.who.name(),
            median: *standing.figures.get(unit)?,
            unit,
            rounds: standing.samples,
        })
    };
    case.columns.iter().filter_map(row)
}
