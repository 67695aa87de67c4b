//! `cargo xtask budget`: the instructions of hits against their bounds.

use crate::package::{self, Package};
use crate::{Outcome, bench};

const VALGRIND: Package = Package {
    name: "valgrind",
    program: "valgrind",
};

/// Installs valgrind where it is missing, and counts.
pub(crate) fn run() -> Outcome {
    package::require(&VALGRIND)?;
    bench::run("budget", &[])
}
