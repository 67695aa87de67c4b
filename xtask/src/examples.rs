//! The examples, each run once in a small way.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use cachekit_memcached::config::SERVERS;
use cachekit_memcached::testkit::{Server, addresses};

use crate::{Outcome, shell};

/// How an example is run.
struct Example {
    name: &'static str,
    arguments: &'static [&'static str],
    /// How many memcached servers it is given.
    servers: usize,
}

const PLAIN: Example = Example {
    name: "",
    arguments: &[],
    servers: 0,
};

/// Every file in `examples/`.
const EXAMPLES: &[Example] = &[
    Example {
        name: "after_commit",
        ..PLAIN
    },
    Example {
        name: "custom_backend",
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
        name: "freshness",
        ..PLAIN
    },
    Example {
        name: "memcached_client",
        servers: 2,
        ..PLAIN
    },
    Example {
        name: "memcached_cluster",
        servers: 3,
        ..PLAIN
    },
    Example {
        name: "named_caches",
        ..PLAIN
    },
    Example {
        name: "quickstart",
        arguments: &["cachekit-core/src", "--json"],
        ..PLAIN
    },
];

/// Runs them all, as `cargo test` has built them, with none of the variables of the caller's own
/// deployment.
pub(crate) fn run(root: &Path) -> Outcome {
    let listed: BTreeSet<String> = EXAMPLES.iter().map(|e| e.name.to_owned()).collect();
    let present = present(root);
    if let Some(name) = present.symmetric_difference(&listed).next() {
        return Err(format!(
            "examples/ and the table in xtask/src/examples.rs differ in `{name}`"
        ));
    }
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let built = program.with_file_name("examples");
    for example in EXAMPLES {
        let servers: Vec<Server> = (0..example.servers).map(|_| Server::start()).collect();
        let mut command = Command::new(built.join(example.name));
        command.args(example.arguments).current_dir(root);
        for variable in cachekit::variables() {
            command.env_remove(variable.name);
        }
        if !servers.is_empty() {
            command.env(SERVERS.name, addresses(&servers).join(","));
        }
        shell::run(&mut command)?;
    }
    Ok(())
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
