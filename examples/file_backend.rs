//! Two processes that share a directory: the second computes nothing.
//!
//! ```text
//! cargo run --example file_backend
//! ```
//!
//! Without a directory in `CACHEKIT_FILE_CACHE_DIR` it takes one of its own, and removes it.

use std::path::PathBuf;
use std::process::Command;

use cachekit::cached;

/// What takes long: so many steps of Collatz's sequence.
#[cached(ttl = "1h", namespace = "example")]
fn steps(start: u64) -> u64 {
    println!("  computing the steps from {start}");
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
    if let Some(name) = std::env::args().nth(1) {
        return work(&name);
    }
    let deployment = cachekit::Deployment::from_env()?;
    let own = std::env::temp_dir().join(format!("cachekit-example-{}", std::process::id()));
    let given = deployment.place.directory().map(PathBuf::from);
    let directory = given.as_ref().unwrap_or(&own);
    println!("entries in {}", directory.display());
    for name in ["first", "second"] {
        let status = Command::new(std::env::current_exe()?)
            .arg(name)
            .env("CACHEKIT_BACKEND", "file")
            .env("CACHEKIT_FILE_CACHE_DIR", directory)
            .status()?;
        if !status.success() {
            return Err(format!("the {name} process failed").into());
        }
    }
    if given.is_none() {
        std::fs::remove_dir_all(&own)?;
    }
    Ok(())
}

fn work(name: &str) -> Result<(), Box<dyn std::error::Error>> {
    let cache = cachekit::init()?;
    println!("{name} process:");
    for start in [27, 97, 871] {
        println!("  {start}: {} steps", steps(start));
    }
    println!("  computed {}", cache.stats().computed);
    Ok(())
}
