//! `cargo xtask bench`: one table of figures.

use crate::{Outcome, shell};

/// Runs the table `name`, and writes its rows into `json`.
pub(crate) fn run(name: &str, json: Option<&str>) -> Outcome {
    let mut arguments = vec![
        "run",
        "--release",
        "--package",
        "cachekit-bench",
        "--",
        name,
    ];
    if let Some(file) = json {
        arguments.extend(["--json", file]);
    }
    shell::run(&mut shell::cargo(arguments))
}
