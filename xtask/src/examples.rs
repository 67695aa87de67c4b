//! The examples, each run once in a small way.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use cachekit_memcached::config::SERVERS;
use cachekit_memcached::testkit::{Server, addresses};

use crate::{Outcome, shell};

/// How an example is run.
struct Example {
    name: &'static str,
    features: &'static [&'static str],
    arguments: &'static [&'static str],
    /// How many memcached servers it is given.
    servers: usize,
}

const PLAIN: Example = Example {
    name: "",
    features: &[],
    arguments: &[],
    servers: 0,
};

/// Every file in `examples/`.
const EXAMPLES: &[Example] = &[
    Example {
        name: "custom_backend",
        features: &["testkit"],
        ..PLAIN
    },
    Example {
        name: "env_config",
        ..PLAIN
    },
    Example {
        name: "file_backend",
        ..PLAIN
    },
    Example {
        name: "memcached_cluster",
        servers: 3,
        ..PLAIN
    },
    Example {
        name: "quickstart",
        arguments: &["cachekit-core/src", "--json"],
        ..PLAIN
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
        let servers: Vec<Server> = (0..example.servers).map(|_| Server::start()).collect();
        let mut command = command(root, example);
        if !servers.is_empty() {
            command.env(SERVERS.name, addresses(&servers).join(","));
        }
        shell::run(&mut command)?;
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
