//! One price through its whole line of time: fresh, in grace, served while one refreshes, served while
//! its origin is down, and gone once it was changed.
//!
//! ```text
//! cargo run --example freshness --features testkit
//! ```
//!
//! Time is a clock that the example moves, so that an hour takes no time; the cache with that clock is
//! in the place of the usual one, as in a test.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachekit::testkit::ManualClock;
use cachekit::{Cache, cached, removes, with_cache};
use tokio::task::yield_now;

/// Where prices come from. Zero: it is down.
static SHOP: AtomicU64 = AtomicU64::new(100);

/// The cache can make its own errors into this one, so a timeout of 10 s is on.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[cached(ttl = "1m", grace = "1h", stale_while_refresh, tags = ["article:{id}"])]
async fn price(id: u64) -> Result<u64, Failure> {
    println!("  asking the shop for the price of {id}");
    match SHOP.load(Ordering::Relaxed) {
        0 => Err("the shop is down".into()),
        price => Ok(price),
    }
}

#[removes(tag = "article:{id}")]
async fn reprice(id: u64, to: u64) -> Result<(), Failure> {
    println!("  {id} costs {to} from now on");
    SHOP.store(to, Ordering::Relaxed);
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let clock = ManualClock::new();
    let cache = Cache::builder().clock(clock.clock()).build();
    with_cache(cache.clone(), story(&clock, &cache)).await
}

async fn story(clock: &ManualClock, cache: &Cache) -> Result<(), Failure> {
    println!(
        "computed, then fresh: {}, {}",
        price(7).await?,
        price(7).await?
    );

    SHOP.store(120, Ordering::Relaxed);
    clock.advance(Duration::from_secs(61));
    println!("in grace, served at once: {}", price(7).await?);
    refreshed(cache, 2).await;
    println!("and one has refreshed it: {}", price(7).await?);

    SHOP.store(0, Ordering::Relaxed);
    clock.advance(Duration::from_secs(61));
    println!("in grace, and the shop is down: {}", price(7).await?);
    refreshed(cache, 3).await;
    println!("it is left alone for five seconds: {}", price(7).await?);

    reprice(7, 90).await?;
    println!(
        "what was removed is not served, in no grace: {}",
        price(7).await?
    );

    SHOP.store(0, Ordering::Relaxed);
    cache.remove_tag("article:7").await?;
    println!("not even where there is nothing else: {:?}", price(7).await);
    println!("{} computations", cache.stats().computed);
    Ok(())
}

/// Lets the refresh run, which is a task of its own, until this many computations have begun.
async fn refreshed(cache: &Cache, computed: u64) {
    while cache.stats().computed < computed {
        yield_now().await;
    }
    yield_now().await; // it ends in the turn in which it began
}
