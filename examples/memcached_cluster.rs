//! A cached function over the servers that the environment names, and what a lost server means.
//!
//! ```text
//! memcached -p 11311 & memcached -p 11312 & memcached -p 11313 &
//! CACHEKIT_MEMCACHED_SERVERS='["127.0.0.1:11311","127.0.0.1:11312","127.0.0.1:11313"]' \
//!     cargo run --example memcached_cluster
//! ```
//!
//! Stop one of them and run it again: the calls go on, on the next server of the ring.

use cachekit::{Place, cached};

/// A page as it would come out of a template.
#[cached(ttl = "10m", namespace = "pages", key = "page:{number}")]
async fn page(number: u32) -> Result<String, std::convert::Infallible> {
    println!("  computing page {number}");
    Ok(format!("<h1>Page {number}</h1>"))
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let deployment = cachekit::Deployment::from_env()?;
    if !matches!(deployment.place, Place::Memcached(_)) {
        println!("CACHEKIT_MEMCACHED_SERVERS is not set: entries live in this process");
    }
    let cache = cachekit::init()?;
    for node in cache.health().await.nodes {
        println!("{:<30} {:?} {}", node.name, node.state, node.detail);
    }
    for number in 1..=6 {
        println!("{}", page(number).await?);
    }
    // The others see it after five seconds at most: the bound of their own L1.
    page::remove(1).await?;
    println!("page 1 is removed; {:?}", page::peek(1).await);
    println!("{:?}", cache.stats());
    Ok(())
}
