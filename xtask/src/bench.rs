//! `cargo xtask bench`: tables of figures.

use crate::package::{self, MEMCACHED};
use crate::{Outcome, shell};

/// Runs the bench `name` in release, with the options that it has.
pub(crate) fn run(name: &str, options: &[&str]) -> Outcome {
    if ["memcached", "leads", "budget"].contains(&name) {
        package::require(&MEMCACHED)?;
    }
    let features: &[_] = match name {
        "file" => &["--features", "file-peers"], // stores that no other bench has to build
        _ => &[],
    };
    let run = ["run", "--release", "--package", "cachekit-bench"];
    let words = run.iter().chain(features).chain(&["--", name]);
    shell::run(&mut shell::cargo(words.chain(options).copied()))
}
