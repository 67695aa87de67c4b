//! One table per area, peers in the same run: `cargo run --release -p cachekit-bench -- NAME`.
//!
//! A bench prints a table, says of every bar whether it is met, and with `--json FILE` writes its
//! rows. Figures of two runs do not compare; figures of one run do.

mod allocations;
mod bar;
mod budget;
mod callgrind;
#[cfg(target_os = "linux")] // it reads what processes used in /proc
mod cells;
#[cfg(target_os = "linux")] // its samples are cells
mod file;
#[cfg(unix)] // it starts memcached, and kills processes
mod fleet;
mod freshness;
mod hits;
mod measure;
#[cfg(target_os = "linux")] // its samples are cells
mod memcached;
mod row;
mod versions;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const USAGE: &str = "\
usage: cachekit-bench hits [--json FILE]     what a hit costs, beside others
       cachekit-bench freshness              how often the origin is asked, and who waits
       cachekit-bench memcached [OPTIONS]    our client beside others, on Linux
       cachekit-bench fleet [OPTIONS]        what processes with one store do together, on unix
       cachekit-bench leads [OPTIONS]        what the lead costs who finds an entry, on Linux
       cachekit-bench file [OPTIONS]         the file backend beside others, on Linux
       cachekit-bench budget                 fails if a hit takes more instructions than it may
       cachekit-bench pass CASE WHO COUNT    hits of one contender alone, for a profiler";

/// What goes wrong ends the run; nobody handles it.
type Failed = Box<dyn Error + Send + Sync>;

type Outcome = Result<ExitCode, Failed>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["hits"] => hits::run(None),
        ["hits", "--json", file] => hits::run(Some(PathBuf::from(file))),
        ["freshness"] => freshness::run(),
        #[cfg(target_os = "linux")]
        ["memcached", ref options @ ..] => memcached::run(options),
        #[cfg(target_os = "linux")]
        ["leads", ref options @ ..] => memcached::run_leads(options),
        #[cfg(target_os = "linux")]
        ["cell", cell] => memcached::run_cell(cell),
        #[cfg(target_os = "linux")]
        ["file", ref options @ ..] => file::run(options),
        #[cfg(target_os = "linux")]
        ["file-cell", cell] => file::run_cell(cell),
        #[cfg(unix)]
        ["fleet", ref options @ ..] => fleet::run(options),
        #[cfg(unix)]
        ["fleet-worker", plan] => fleet::work(plan),
        #[cfg(unix)]
        ["fleet-nodes", keeping] => fleet::keep(keeping),
        ["budget"] => budget::run(),
        #[cfg(target_os = "linux")]
        ["pass", memcached::leads::budget::CASE, who, count] => {
            memcached::leads::budget::pass(who, count)
        }
        ["pass", case, who, count] => hits::pass(case, who, count),
        _ => Err(USAGE.into()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}
