//! `cargo xtask bench`: tables of figures.

use crate::package::{self, MEMCACHED};
use crate::{Outcome, shell};

/// Runs the bench `name` in release, with the options that it has.
pub(crate) fn run(name: &str, options: &[&str]) -> Outcome {
    if ["memcached", "leads", "budget"].contains(&name) {
        package::require(&MEMCACHED)?;
    }
    let mut words = vec!["run", "--release", "--package", "cachekit-bench"];
    if name == "file" {
        words.extend(["--features", "file-peers"]); // stores that no other bench has to build
    }
    words.extend(["--", name]);
    words.extend(options);
    shell::run(&mut shell::cargo(words))
}
