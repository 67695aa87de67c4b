//! `cargo xtask bench`: tables of figures.

use crate::package::{self, MEMCACHED};
use crate::{Outcome, shell};

/// Runs the bench `name` in release, with the options that it has.
pub(crate) fn run(name: &str, options: &[&str]) -> Outcome {
    if ["memcached", "leads", "budget"].contains(&name) {
        package::require(&MEMCACHED)?;
    }
    let bench = [
        "run",
        "--release",
        "--package",
        "cachekit-bench",
        "--",
        name,
    ];
    shell::run(&mut shell::cargo(bench.iter().chain(options).copied()))
}
