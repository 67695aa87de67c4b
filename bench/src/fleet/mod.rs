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
mod plan;
mod plot;
mod reader;
mod run;
mod scene;
mod table;
mod worker;
mod writer;

use std::process::ExitCode;

use crate::Outcome;
use crate::fleet::options::Options;

pub(crate) use nodes::keep;
pub(crate) use worker::run as work;

/// Runs what the command line says. Fails if a rule was broken.
pub(crate) fn run(arguments: &[&str]) -> Outcome {
    let options = Options::parse(arguments)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let runs = vec![runtime.block_on(run::run(&options.scene, options.through))?];
    for run in &runs {
        println!("{}", table::heading(run));
        bars::print(run);
    }
    table::print(&runs);
    Ok(match runs.iter().all(run::Run::is_clean) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}
