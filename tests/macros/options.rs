//! What the options change.

use std::sync::LazyLock;
use std::time::Duration;

use cachekit::{Cache, cached, codec};
use cachekit_core::testkit::ManualClock;
use serde::Serialize;

use crate::origin::Origin;

#[test]
fn a_key_of_text_and_placeholders_decides_alone() {
    #[derive(Clone)]
    struct User {
        id: u32,
        name: (String, u8),
    }
    static ORIGIN: Origin = Origin::new();
    #[cached(key = "user:{user.id}:{user.name.0}:{{{locale}}}")]
    fn greeting(user: &User, locale: &str, verbose: bool) -> String {
        ORIGIN.ask();
        format!("{} {} {locale} {verbose}", user.id, user.name.1)
    }
    let user = User {
        id: 1,
        name: ("ann".to_owned(), 7),
    };
    assert_eq!(greeting(&user, "en", true), greeting(&user, "en", false));
    assert_eq!(ORIGIN.asked(), 1);
    let other_id = User {
        id: 2,
        ..user.clone()
    };
    greeting(&other_id, "en", true);
    greeting(&user, "de", true);
    let name = ("bob".to_owned(), 7);
    greeting(&User { name, ..user }, "en", true);
    assert_eq!(ORIGIN.asked(), 4);
}

#[test]
fn a_separator_inside_of_a_placeholder_does_not_move_the_border() {
    static ORIGIN: Origin = Origin::new();
    #[cached(key = "{a}:{b}")]
    fn joined(a: &str, b: &str) -> String {
        ORIGIN.ask();
        format!("{a}|{b}")
    }
    assert_eq!(joined("x:y", "z"), "x:y|z");
    assert_eq!(joined("x", "y:z"), "x|y:z");
    assert_eq!(ORIGIN.asked(), 2);
}

#[test]
fn a_key_that_is_an_expression_moves_nothing() {
    #[derive(Clone)]
    struct Opaque(String);
    static ORIGIN: Origin = Origin::new();
    #[cached(key = (tenant, opaque.0, list.len()))]
    fn joined(tenant: String, opaque: Opaque, list: Vec<u8>) -> String {
        ORIGIN.ask();
        tenant + &opaque.0 + &list.len().to_string()
    }
    let call = |list| joined("t".to_owned(), Opaque("o".to_owned()), list);
    assert_eq!(call(vec![1]), call(vec![2]));
    assert_eq!(ORIGIN.asked(), 1);
    assert_ne!(call(vec![]), call(vec![1]));
}

#[test]
fn a_single_expression_is_a_key() {
    static ORIGIN: Origin = Origin::new();
    #[cached(key = name.to_lowercase())]
    fn upper(name: &str) -> String {
        ORIGIN.ask();
        name.to_uppercase()
    }
    assert_eq!(upper("Ann"), upper("aNN"));
    assert_eq!(ORIGIN.asked(), 1);
}

#[test]
fn a_skipped_argument_is_no_part_of_the_key() {
    struct Connection;
    static ORIGIN: Origin = Origin::new();
    #[cached(skip(connection, attempt))]
    fn load(connection: &Connection, id: u32, attempt: u32) -> u32 {
        let _used = (connection, attempt);
        ORIGIN.ask();
        id
    }
    assert_eq!(load(&Connection, 1, 1), load(&Connection, 1, 2));
    assert_eq!(ORIGIN.asked(), 1);
    load(&Connection, 2, 1);
    assert_eq!(ORIGIN.asked(), 2);
}

#[test]
fn a_condition_sees_the_arguments() {
    static ORIGIN: Origin = Origin::new();
    #[cached(condition = id > 0 && !name.is_empty())]
    fn load(id: u32, name: String) -> String {
        ORIGIN.ask();
        name + &id.to_string()
    }
    for _ in 0..2 {
        assert_eq!(load(1, "a".to_owned()), "a1");
    }
    assert_eq!(ORIGIN.asked(), 1);
    for _ in 0..2 {
        assert_eq!(load(0, "a".to_owned()), "a0");
    }
    assert_eq!(ORIGIN.asked(), 3);
    load::prime(0, "a".to_owned(), "primed".to_owned()).unwrap();
    assert_eq!(load::peek(0, "a".to_owned()), None);
    assert_eq!(load::refresh(0, "a".to_owned()), "a0");
    assert_eq!(load::peek(0, "a".to_owned()), None);
}

#[tokio::test]
async fn unless_sees_the_result() {
    static ORIGIN: Origin = Origin::new();
    #[cached(unless = result.as_ref().is_ok_and(Vec::is_empty))]
    async fn found(id: usize) -> Result<Vec<u8>, String> {
        ORIGIN.ask();
        Ok(vec![1; id])
    }
    for _ in 0..2 {
        assert_eq!(found(2).await.unwrap().len(), 2);
        assert_eq!(found(0).await.unwrap().len(), 0);
    }
    assert_eq!(ORIGIN.asked(), 1 + 2);
}

/// A cache whose time the test holds.
struct Timed {
    cache: Cache,
    clock: ManualClock,
}

impl Timed {
    fn new() -> Self {
        let clock = ManualClock::new();
        let cache = Cache::builder().clock(clock.clock()).build();
        Self { cache, clock }
    }
}

#[test]
fn a_ttl_ends_the_entry() {
    static TIMED: LazyLock<Timed> = LazyLock::new(Timed::new);
    static ORIGIN: Origin = Origin::new();
    #[cached(ttl = "1m30s", cache = TIMED.cache)]
    fn load(id: u32) -> u32 {
        ORIGIN.ask();
        id
    }
    load(1);
    TIMED.clock.advance(Duration::from_secs(80));
    load(1);
    assert_eq!(ORIGIN.asked(), 1);
    TIMED.clock.advance(Duration::from_secs(11));
    load(1);
    assert_eq!(ORIGIN.asked(), 2);
}

#[test]
fn a_computed_ttl_sees_the_arguments_and_is_computed_on_a_miss_only() {
    static TIMED: LazyLock<Timed> = LazyLock::new(Timed::new);
    static ORIGIN: Origin = Origin::new();
    static ASKED_FOR_TTL: Origin = Origin::new();
    fn ttl_of(name: &str) -> Duration {
        ASKED_FOR_TTL.ask();
        Duration::from_secs(100 * name.len() as u64)
    }
    #[cached(ttl = ttl_of(&name), cache = &TIMED.cache)]
    fn load(name: String) -> String {
        ORIGIN.ask();
        name
    }
    for _ in 0..3 {
        load("a".to_owned());
        load("aa".to_owned());
    }
    assert_eq!((ORIGIN.asked(), ASKED_FOR_TTL.asked()), (2, 2));
    TIMED.clock.advance(Duration::from_secs(101));
    load("a".to_owned());
    load("aa".to_owned());
    assert_eq!((ORIGIN.asked(), ASKED_FOR_TTL.asked()), (3, 3));
}

#[test]
fn a_cache_of_ones_own_is_borrowed_in_every_form() {
    static CACHE: LazyLock<Cache> = LazyLock::new(Cache::in_process);
    struct Service {
        cache: Cache,
    }
    impl Service {
        #[cached(cache = self.cache, skip(self))]
        pub(crate) fn load(&self, id: u32) -> u32 {
            id
        }
    }
    #[cached(cache = CACHE)]
    fn in_static(id: u32) -> u32 {
        id
    }
    #[cached(cache = &CACHE)]
    fn in_reference(id: u32) -> u32 {
        id
    }
    #[cached(cache = cache, skip(cache))]
    fn in_argument(cache: &Cache, id: u32) -> usize {
        cache.entries() + id as usize
    }
    in_static(1);
    in_reference(1);
    in_argument(&CACHE, 1);
    assert_eq!(CACHE.entries(), 3);
    let service = Service {
        cache: Cache::in_process(),
    };
    service.load(1);
    assert_eq!(service.cache.entries(), 1);
    assert_eq!(service.load_peek(1), Some(1));
}

#[test]
fn a_value_that_is_not_serde_stays_in_the_process() {
    #[derive(Clone)]
    struct Handle(fn(u32) -> u32);
    static ORIGIN: Origin = Origin::new();
    #[cached(local)]
    fn handle(id: u32) -> Handle {
        let _used = id;
        ORIGIN.ask();
        Handle(|n| n + 1)
    }
    #[cached(local)]
    fn word(id: u32) -> &'static str {
        if id == 0 { "zero" } else { "more" }
    }
    assert_eq!((handle(1).0)(1) + (handle(1).0)(2), 5);
    assert_eq!(ORIGIN.asked(), 1);
    assert_eq!((word(0), word(0)), ("zero", "zero"));
}

mod ours {
    pub(crate) use ::cachekit as renamed;
}

#[test]
fn the_crate_may_have_another_name() {
    #[cached(crate = crate::options::ours::renamed, codec = codec::Bincode)]
    fn load(id: u32) -> u32 {
        id
    }
    #[cached(crate = self::ours::renamed, companions = false)]
    fn plain(id: u32) -> u32 {
        id
    }
    assert_eq!(load(1) + plain(1), 2);
    assert_eq!(load::peek(1), Some(1));
}

#[test]
fn functions_of_one_explicit_name_and_namespace_share_their_entries() {
    #[cached(namespace = "people", name = "profile", version = 2)]
    fn profile(id: u32) -> u32 {
        id
    }
    #[cached(namespace = "people", name = "profile", version = 2)]
    fn profile_of_old(id: u32) -> u32 {
        id + 1
    }
    #[cached(namespace = "animals", name = "profile")]
    fn other(id: u32) -> u32 {
        id + 2
    }
    assert_eq!(profile(1), 1);
    assert_eq!(profile_of_old(1), 1);
    assert_eq!(other(1), 3);
}

#[test]
fn every_option_at_once() {
    #[derive(Serialize)]
    struct Id(u32);
    #[cached(
        ttl = Duration::from_secs(u64::from(id.0)),
        namespace = "all",
        name = "options",
        version = 1,
        key = (id, "x"),
        cache = cachekit::cache(),
        codec = codec::Bincode,
        condition = id.0 > 0,
        unless = result.is_some_and(|n| n > 5),
        cache_none,
        companions = every,
        crate = ::cachekit,
    )]
    fn options(id: Id) -> Option<u32> {
        (id.0 > 1).then_some(id.0)
    }
    assert_eq!(options(Id(1)), None);
    assert_eq!(every::peek(Id(1)), Some(None));
    assert_eq!(options(Id(6)), Some(6));
    assert_eq!(every::peek(Id(6)), None);
}
