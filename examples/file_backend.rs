//! Two processes that share a directory: each value is computed by one of them, and the other waits
//! for it.
//!
//! ```text
//! cargo run --example file_backend
//! ```
//!
//! Without a directory in `CACHEKIT_FILE_CACHE_DIR` it takes one of its own, and removes it.

use std::path::PathBuf;
use std::process::{Child, Command};

use cachekit::cached;
use cachekit::file::{Config, FileBackend};

/// What takes some tenths of a second: the start below `limit` with the most steps of Collatz's
/// sequence.
#[cached(ttl = "1h", namespace = "example")]
fn longest(limit: u64) -> u64 {
    println!("  process {} computes {limit}", std::process::id());
    (1..limit).max_by_key(|start| steps(*start)).unwrap_or(1)
}

fn steps(start: u64) -> u32 {
    let mut number = start;
    let mut steps = 0;
    while number > 1 {
        number = if number.is_multiple_of(2) {
            number / 2
        } else {
            3 * number + 1
        };
        steps += 1;
    }
    steps
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).is_some() {
        return work();
    }
    let deployment = cachekit::Deployment::from_env()?;
    let own = std::env::temp_dir().join(format!("cachekit-example-{}", std::process::id()));
    let given = deployment.place.directory().map(PathBuf::from);
    let directory = given.clone().unwrap_or_else(|| own.clone());
    println!("entries in {}", directory.display());

    let start = || -> std::io::Result<Child> {
        Command::new(std::env::current_exe()?)
            .arg("work")
            .env("CACHEKIT_BACKEND", "file")
            .env("CACHEKIT_FILE_CACHE_DIR", &directory)
            .spawn()
    };
    println!("two processes at once:");
    for process in [start()?, start()?] {
        succeed(process)?;
    }
    println!("a third, later:");
    succeed(start()?)?;

    let backend = FileBackend::new(Config {
        directory,
        ..Config::default()
    })?;
    println!("in the directory: {}", backend.verify(|_| {})?);
    if given.is_none() {
        std::fs::remove_dir_all(&own)?;
    }
    Ok(())
}

fn succeed(mut process: Child) -> Result<(), Box<dyn std::error::Error>> {
    if process.wait()?.success() {
        Ok(())
    } else {
        Err("a process failed".into())
    }
}

fn work() -> Result<(), Box<dyn std::error::Error>> {
    let cache = cachekit::init()?;
    for limit in [100_000, 200_000, 300_000] {
        longest(limit);
    }
    let computed = cache.stats().computed;
    println!("  process {} computed {computed} of 3", std::process::id());
    Ok(())
}
