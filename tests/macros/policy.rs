//! What the options of the line of time change.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use cachekit::{Cache, Context, cached};
use cachekit_core::testkit::{ManualClock, ReferenceBackend};

use crate::origin::Origin;

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

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

#[test]
fn a_none_lives_for_the_negative_ttl_and_a_value_for_the_ttl() {
    static TIMED: LazyLock<Timed> = LazyLock::new(Timed::new);
    static ORIGIN: Origin = Origin::new();
    #[cached(ttl = 100, negative_ttl = "10s", cache = TIMED.cache)]
    fn found(id: u32) -> Result<Option<u32>, String> {
        ORIGIN.ask();
        Ok((id > 0).then_some(id))
    }
    for _ in 0..2 {
        assert_eq!(found(0), Ok(None));
        assert_eq!(found(1), Ok(Some(1)));
    }
    assert_eq!(ORIGIN.asked(), 2);
    TIMED.advance(11);
    assert_eq!(found(1), Ok(Some(1)));
    assert_eq!(ORIGIN.asked(), 2);
    assert_eq!(found(0), Ok(None));
    assert_eq!(ORIGIN.asked(), 3);
}

#[test]
fn a_ttl_that_the_body_names_is_that_of_values_and_a_none_has_its_own() {
    static TIMED: LazyLock<Timed> = LazyLock::new(Timed::new);
    static ORIGIN: Origin = Origin::new();
    #[cached(cache = TIMED.cache)]
    fn found(id: u32) -> Option<u32> {
        ORIGIN.ask();
        let context = Context::current();
        context.ttl(Duration::from_secs(1_000));
        if id == 1 {
            context.not_found_for(Duration::from_secs(10));
        }
        (id > 1).then_some(id)
    }
    for _ in 0..2 {
        assert_eq!((found(0), found(1), found(2)), (None, None, Some(2)));
    }
    assert_eq!(
        ORIGIN.asked(),
        4,
        "only the first has to be asked for again"
    );
    TIMED.advance(11);
    assert_eq!((found(1), found(2)), (None, Some(2)));
    assert_eq!(ORIGIN.asked(), 5);
}

#[test]
fn tags_move_no_argument() {
    #[derive(Clone)]
    struct User {
        name: String,
    }
    #[cached(tags = ["user:{user.name}", "users", "{{{id}}}"], key = (user.name, id))]
    fn greeting(user: User, id: u32) -> String {
        user.name + &id.to_string()
    }
    let ann = User {
        name: "ann".to_owned(),
    };
    assert_eq!(greeting(ann.clone(), 1), "ann1");
    assert_eq!(greeting::peek(ann.clone(), 1), Some("ann1".to_owned()));
    assert_eq!(greeting::refresh(ann.clone(), 1), "ann1");
    greeting::remove(ann.clone(), 1).unwrap();
    greeting::prime(ann.clone(), 1, "bob".to_owned()).unwrap();
    assert_eq!(greeting(ann, 1), "bob");
}

#[tokio::test]
async fn policies_and_tags_are_on_async_functions_and_methods_too() {
    struct Service {
        tenant: u32,
    }
    impl Service {
        #[cached(
            key = (self.tenant, id),
            grace = "1h",
            stale_while_refresh,
            tags = ["tenant:{self.tenant}", "user:{id}"]
        )]
        pub(crate) async fn load(&self, id: String) -> Result<String, cachekit::Error> {
            Ok(id)
        }
    }
    #[cached(timeout = 0, tags = ["user:{id}"])]
    async fn owned(id: String) -> Result<String, cachekit::Error> {
        Ok(id)
    }
    let service = Service { tenant: 1 };
    let id = || "7".to_owned();
    assert_eq!(service.load(id()).await.unwrap(), "7");
    let peeked = service.load_peek(id()).await;
    assert_eq!(peeked.unwrap().unwrap(), "7");
    assert_eq!(owned(id()).await.unwrap(), "7");
    assert_eq!(owned::peek(id()).await.unwrap().unwrap(), "7");
}

#[test]
fn what_a_result_that_is_not_stored_has_overtaken_is_in_grace_no_more() {
    static CLOCK: LazyLock<ManualClock> = LazyLock::new(ManualClock::new);
    static ANSWER: Mutex<Result<Option<u8>, &str>> = Mutex::new(Ok(None));
    static STORE: LazyLock<Cache> = LazyLock::new(|| {
        let backend = Arc::new(ReferenceBackend::new(CLOCK.clock()));
        let cache = Cache::builder().backend(backend);
        cache.clock(CLOCK.clock()).build()
    });
    static PROCESS: LazyLock<Cache> =
        LazyLock::new(|| Cache::builder().clock(CLOCK.clock()).build());
    #[cached(cache = if shared { &*STORE } else { &*PROCESS }, ttl = "1m", grace = "1h")]
    fn find(shared: bool) -> Result<Option<u8>, &'static str> {
        *ANSWER.lock().unwrap()
    }
    for shared in [false, true] {
        for answer in [Ok(Some(1)), Ok(None), Err("down")] {
            *ANSWER.lock().unwrap() = answer;
            assert_eq!(find(shared), answer, "shared: {shared}");
            CLOCK.advance(Duration::from_secs(61));
        }
    }
}
