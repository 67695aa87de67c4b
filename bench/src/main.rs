//! One table per area, peers in the same run: `cargo run --release -p cachekit-bench -- NAME`.
//!
//! A bench prints a table, says of every bar whether it is met, and with `--json FILE` writes its
//! rows. Figures of two runs do not compare; figures of one run do.

mod allocations;
mod callgrind;
mod hits;
mod measure;
mod row;
mod versions;

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: allocations::Counting = allocations::Counting;

const USAGE: &str = "\
usage: cachekit-bench hits [--json FILE]     what a hit costs, beside others
       cachekit-bench budget                 fails if a hit takes more instructions than it may
       cachekit-bench pass CASE WHO COUNT    hits of one contender alone, for a profiler";

type Outcome = Result<ExitCode, Box<dyn Error>>;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        ["hits"] => hits::run(None),
        ["hits", "--json", file] => hits::run(Some(PathBuf::from(file))),
        ["budget"] => hits::budget::run(),
        ["pass", case, who, count] => hits::pass(case, who, count),
        _ => Err(USAGE.into()),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}
