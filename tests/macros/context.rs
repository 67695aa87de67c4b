//! What a computation is told, and says, through its context.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use cachekit::{Cache, Context, cached};
use cachekit_core::testkit::ManualClock;

use crate::origin::Origin;

#[test]
fn a_computation_is_handed_the_value_that_it_replaces() {
    static CLOCK: LazyLock<ManualClock> = LazyLock::new(ManualClock::new);
    static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::builder().clock(CLOCK.clock()).build());
    static ORIGIN: Origin = Origin::new();
    #[cached(ttl = "1m", cache = CACHE)]
    fn page(id: u32) -> String {
        ORIGIN.ask();
        let not_modified = Context::current().previous::<String>();
        not_modified.unwrap_or_else(|| format!("page {id}"))
    }
    assert_eq!(page(1), "page 1");
    page::prime(2, "primed".to_owned()).unwrap();
    CLOCK.advance(Duration::from_secs(61));
    assert_eq!((page(1), page(2)), ("page 1".into(), "primed".into()));
    assert_eq!(ORIGIN.asked(), 3, "both were in grace");
    assert_eq!((page(1), page(2)), ("page 1".into(), "primed".into()));
    assert_eq!(ORIGIN.asked(), 3, "both are fresh again");
    page::remove(2).unwrap();
    assert_eq!(page(2), "page 2", "what was removed is handed to nobody");
}

#[test]
fn a_value_of_another_type_is_not_handed_over() {
    static CACHE: LazyLock<Cache> = LazyLock::new(Cache::in_process);
    #[cached(cache = CACHE)]
    fn answer() -> u64 {
        let context = Context::current();
        assert_eq!(context.previous::<String>(), None);
        context.previous::<u64>().map_or(42, |old| old + 1)
    }
    assert_eq!(answer(), 42);
    answer::expire().unwrap();
    assert_eq!(answer(), 43);
}

#[test]
fn outside_of_a_computation_a_context_has_no_effect() {
    let context = Context::current();
    context.no_store();
    context.tag("nobody");
    assert_eq!(context.previous::<u64>(), None);
}

#[test]
fn what_goes_past_the_cache_says_nothing_of_the_computation_around_it() {
    static CACHE: LazyLock<Cache> = LazyLock::new(Cache::in_process);
    static ORIGIN: Origin = Origin::new();
    #[cached(cache = CACHE, condition = id > 0)]
    fn part(id: u32) -> u32 {
        Context::current().no_store();
        id
    }
    #[cached(cache = CACHE)]
    fn whole() -> u32 {
        ORIGIN.ask();
        1 + part(0)
    }
    assert_eq!((whole(), whole()), (1, 1));
    assert_eq!(
        ORIGIN.asked(),
        1,
        "nobody said that the whole is not stored"
    );
}

#[test]
fn what_goes_past_the_cache_is_handed_no_value_of_the_computation_around_it() {
    static CACHE: LazyLock<Cache> = LazyLock::new(Cache::in_process);
    #[cached(cache = CACHE, condition = id > 0)]
    fn rate(id: u32) -> u32 {
        Context::current().previous::<u32>().unwrap_or(id)
    }
    #[cached(cache = CACHE)]
    fn total() -> u32 {
        100 + rate(0)
    }
    assert_eq!(total(), 100);
    total::expire().unwrap();
    assert_eq!(total(), 100, "the old total is no rate");
}

#[test]
fn a_computation_says_for_how_long_its_result_is_in_grace() {
    static CLOCK: LazyLock<ManualClock> = LazyLock::new(ManualClock::new);
    static CACHE: LazyLock<Cache> = LazyLock::new(|| Cache::builder().clock(CLOCK.clock()).build());
    static FAILS: AtomicBool = AtomicBool::new(false);
    #[cached(cache = CACHE, ttl = "1m", grace = "1h")]
    fn page(grace: u64) -> Result<u64, &'static str> {
        Context::current().grace(Duration::from_secs(grace));
        match FAILS.load(Ordering::Relaxed) {
            true => Err("down"),
            false => Ok(grace),
        }
    }
    assert_eq!((page(0), page(120)), (Ok(0), Ok(120)));
    FAILS.store(true, Ordering::Relaxed);
    CLOCK.advance(Duration::from_secs(61));
    assert_eq!((page(0), page(120)), (Err("down"), Ok(120)));
    CLOCK.advance(Duration::from_secs(120));
    assert_eq!(page(120), Err("down"));
}
