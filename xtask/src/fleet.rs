//! `cargo xtask fleet`: many processes over one store, and whether they keep to the rules.

use crate::package::{self, MEMCACHED};
use crate::{Outcome, bench};

/// Installs memcached where it is missing and needed, and runs the fleet with the options that it
/// has.
pub(crate) fn run(options: &[&str]) -> Outcome {
    if !options.windows(2).any(|pair| pair == ["--backend", "file"]) {
        package::require(&MEMCACHED)?;
    }
    bench::run("fleet", options)
}
