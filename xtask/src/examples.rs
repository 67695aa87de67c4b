//! The examples, each run once in a small way.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::{Outcome, shell};

/// How an example is run. What it needs beyond the sources (a memcached server, a directory) it
/// sets up itself, or its own tests do.
struct Example {
    name: &'static str,
    features: &'static [&'static str],
    arguments: &'static [&'static str],
}

/// Every file in `examples/`.
const EXAMPLES: &[Example] = &[
    Example {
        name: "custom_backend",
        features: &["testkit"],
        arguments: &[],
    },
    Example {
        name: "memcached_cluster",
        features: &[],
        arguments: &[],
    },
    Example {
        name: "env_config",
        features: &[],
        arguments: &[],
    },
    Example {
        name: "quickstart",
        features: &[],
        arguments: &["cachekit-core/src", "--json"],
    },
];

/// Runs them all, with none of the variables of the caller's own deployment.
pub(crate) fn run(root: &Path) -> Outcome {
    let listed: BTreeSet<String> = EXAMPLES.iter().map(|e| e.name.to_owned()).collect();
    let present = present(root);
    if let Some(name) = present.symmetric_difference(&listed).next() {
        return Err(format!(
            "examples/ and the table in xtask/src/examples.rs differ in `{name}`"
        ));
    }
    for example in EXAMPLES {
        shell::run(&mut command(root, example))?;
    }
    Ok(())
}

fn command(root: &Path, example: &Example) -> std::process::Command {
    let mut command = shell::cargo(["run", "--quiet", "--example", example.name]);
    for feature in example.features {
        command.args(["--features", feature]);
    }
    command.arg("--").args(example.arguments).current_dir(root);
    for variable in cachekit::variables() {
        command.env_remove(variable.name);
    }
    command
}

fn present(root: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(root.join("examples")).into_iter().flatten();
    files
        .flatten()
        .map(|file| file.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect()
}
