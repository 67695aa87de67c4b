//! Two kinds of results in two caches: the code names them, the environment places them. And a
//! test of such functions, with a cache of its own.
//!
//! ```text
//! cargo run --example named_caches
//! CACHEKIT_CATALOG_BACKEND=file cargo run --example named_caches
//! CACHEKIT_CATALGO_BACKEND=file cargo run --example named_caches
//! ```
//!
//! With the second line, a second run finds the prices of the first. The third one is an error.

use cachekit::{Cache, Deployment, cached, with_cache_sync};

cachekit::caches! {
    /// Shared, kept for long.
    catalog,
    /// For this process.
    sessions,
}

#[cached(cache = "catalog", ttl = "1h")]
fn price(article: u64) -> u64 {
    println!("  computing the price of {article}");
    article * 100
}

#[cached(cache = "sessions", ttl = "5m")]
fn greeting(user: &str) -> String {
    println!("  computing the greeting of {user}");
    format!("Hello, {user}")
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    caches::init()?;
    for name in ["catalog", "sessions"] {
        let Deployment { config, place } = Deployment::named_from_env(name)?;
        println!(
            "{name}: {}, in the namespace {}",
            place.name(),
            config.namespace
        );
    }
    for _ in 0..2 {
        println!("{}: an article for {}", greeting("Ann"), price(7));
    }
    println!(
        "kept in this process: {} of catalog, {} of sessions",
        caches::catalog().entries(),
        caches::sessions().entries()
    );
    println!("as in a test, with a cache of its own:");
    let cache = Cache::in_process();
    with_cache_sync(cache.clone(), || {
        price(7);
        greeting("Ann");
    });
    println!("  computed {}", cache.stats().computed);
    Ok(())
}
