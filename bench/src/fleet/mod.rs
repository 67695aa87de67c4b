//! Processes that share one store: what they read, compute and invalidate, while some of them are
//! killed, and whether they may. `cargo xtask fleet`; unix only.
//!
//! The parent is the [`origin`] of all values and their only [`writer`]. Its [`crew`] of [`worker`]s
//! reads through a [`reader`] each, and is [killed](kills) in part; the [`nodes`] are memcached
//! servers. What everybody writes down is one history in the end, which
//! [`check`](cachekit_core::testkit::history::check) judges.

mod asking;
mod bars;
mod blind;
mod clock;
mod crew;
mod kills;
mod leaderless;
mod nodes;
mod options;
mod origin;
mod ours;
mod peers;
mod plan;
mod plot;
mod reader;
mod run;
mod scene;
mod table;
mod worker;
mod writer;

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use crate::fleet::options::Options;
use crate::fleet::plot::Series;
use crate::fleet::reader::Through;
use crate::fleet::run::Run;
use crate::{Failed, Outcome};

pub(crate) use nodes::keep;
pub(crate) use worker::run as work;

/// Runs what the command line says. Fails if a rule was broken, or a read failed.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    if arguments.contains(&"--help") {
        println!("{}", options::usage());
        return Ok(ExitCode::SUCCESS);
    }
    let options = Options::parse(arguments)?;
    // Before it begins: the end of an hour is too late to hear that there is no such folder.
    let mut history = options.history.as_deref().map(create).transpose()?;
    let mut plot = options.plot.as_deref().map(create).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut runs = Vec::new();
    for through in &options.through {
        runs.push(runtime.block_on(run::run(&options.scene, *through))?);
    }
    let [product, ..] = &runs[..] else {
        return Err("there is nothing to run".into());
    };
    println!("{}: {}", table::what(product), table::how(product));
    bars::print(product);
    table::print(&runs);
    if let Some(file) = &mut history {
        file.write_all(product.history.to_string().as_bytes())?;
    }
    let without = runs.iter().find(|run| run.through == Through::NoLeads);
    if let (Some(file), Some(without)) = (&mut plot, without) {
        file.write_all(drawn(product, without).as_bytes())?;
    }
    // What is run for comparison may break the rules.
    Ok(match product.is_clean() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn create(path: &Path) -> Result<File, Failed> {
    File::create(path)
        .map_err(|error| format!("{} cannot be written: {error}", path.display()).into())
}

/// How often the origin was asked with leads and without.
fn drawn(with: &Run, without: &Run) -> String {
    let series = |run: &Run| Series::of(run.through.name(), &run.history);
    let [what, how] = [table::what(with), table::how(with)];
    plot::svg([&what, &how], &series(with), &series(without))
}
