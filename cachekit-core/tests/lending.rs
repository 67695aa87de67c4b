//! Computations that wait for each other, in a bulkhead that is full.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::clock::Clock;
use cachekit_core::config::Config;
use cachekit_core::testkit::ManualClock;
use cachekit_core::{Error, ErrorKind};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, yield_now};

/// Longer than a nested caller waits: it is told that it may be waiting for itself.
static PATIENT: Function =
    Function::new("tests::lending", "patient").policy(Policy::new().timeout(Duration::ZERO));
/// Shorter: it is told that its time is over.
static HASTY: Function =
    Function::new("tests::lending", "hasty").policy(Policy::new().timeout(Duration::from_secs(1)));

/// What computes now, and what may go on.
#[derive(Clone)]
struct Scene {
    time: ManualClock,
    cache: Cache,
    computing: Arc<AtomicUsize>,
    begin: Arc<Notify>,
    finish: Arc<Notify>,
}

impl Scene {
    fn new(places: usize) -> Self {
        let time = ManualClock::new();
        let mut config = Config::default();
        config.max_computations = places;
        let cache = Cache::builder().config(config).clock(time.clock()).build();
        Self {
            time,
            cache,
            computing: Arc::default(),
            begin: Arc::default(),
            finish: Arc::default(),
        }
    }

    /// A computation that goes on until it may finish.
    fn inner(&self, key: Key<u64>) -> JoinHandle<Result<u64, Error>> {
        let scene = self.clone();
        tokio::spawn(async move {
            let compute = || async {
                scene.computing.fetch_add(1, Ordering::SeqCst);
                scene.finish.notified().await;
                scene.computing.fetch_sub(1, Ordering::SeqCst);
                Ok::<_, Error>(1)
            };
            scene.cache.get_or_compute(&key, compute).await
        })
    }

    /// A computation that asks for `key` once it may begin; what it is told, and how many computed
    /// beside it then.
    fn outer(&self, key: Key<u64>) -> JoinHandle<(Option<ErrorKind>, usize)> {
        let scene = self.clone();
        tokio::spawn(async move {
            let told = OnceLock::new();
            let own: Key<u64> = PATIENT.key(&"outer").unwrap();
            let compute = || async {
                scene.computing.fetch_add(1, Ordering::SeqCst);
                scene.begin.notified().await;
                scene.computing.fetch_sub(1, Ordering::SeqCst);
                let nested = || async { Ok::<_, Error>(2) };
                let answer = scene.cache.try_get_or_compute(&key, nested).await;
                let beside = scene.computing.load(Ordering::SeqCst);
                let _ = told.set((answer.err().map(|error| error.kind()), beside));
                Ok::<_, Error>(3)
            };
            scene.cache.get_or_compute(&own, compute).await.unwrap();
            told.into_inner().unwrap()
        })
    }

    async fn until(&self, computing: usize) {
        while self.computing.load(Ordering::SeqCst) != computing {
            yield_now().await;
        }
    }

    /// Lets the others do what they can do.
    async fn settle(&self) {
        for _ in 0..50 {
            yield_now().await;
        }
    }

    /// An outer computation that has lent the last place to an inner one, and has given up.
    async fn given_up(
        &self,
        function: &'static Function,
    ) -> (
        JoinHandle<Result<u64, Error>>,
        JoinHandle<(Option<ErrorKind>, usize)>,
    ) {
        let key = || function.key(&"inner").unwrap();
        let others = self.computing.load(Ordering::SeqCst);
        let outer = self.outer(key());
        self.until(others + 1).await;
        let inner = self.inner(key());
        self.settle().await;
        self.begin.notify_one();
        while self.cache.stats().coalesced == 0 {
            yield_now().await;
        }
        self.until(others + 1).await;
        self.time.advance(Duration::from_secs(8));
        self.settle().await;
        (inner, outer)
    }
}

#[tokio::test]
async fn who_has_lent_its_place_and_gives_up_goes_on_once_it_has_it_back() {
    for (function, kind) in [
        (&PATIENT, ErrorKind::Reentrant),
        (&HASTY, ErrorKind::Timeout),
    ] {
        let scene = Scene::new(1);
        let (inner, outer) = scene.given_up(function).await;
        assert!(!outer.is_finished(), "{kind:?}");
        scene.finish.notify_one();
        assert_eq!(outer.await.unwrap(), (Some(kind), 0));
        assert_eq!(inner.await.unwrap().unwrap(), 1);
    }
}

#[tokio::test]
async fn who_has_lent_its_place_and_gives_up_goes_on_in_another_that_is_free() {
    let scene = Scene::new(2);
    let stranger = scene.inner(PATIENT.key(&"stranger").unwrap());
    scene.until(1).await;
    let (inner, outer) = scene.given_up(&PATIENT).await;
    assert!(!outer.is_finished());
    scene.finish.notify_one(); // that of the stranger, who came first
    assert_eq!(stranger.await.unwrap().unwrap(), 1);
    assert_eq!(outer.await.unwrap(), (Some(ErrorKind::Reentrant), 1));
    scene.finish.notify_one();
    assert_eq!(inner.await.unwrap().unwrap(), 1);
}

/// How many compute at once.
#[derive(Default)]
struct Counted {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Counted {
    fn during<T>(&self, compute: impl FnOnce() -> T) -> T {
        let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let result = compute();
        self.now.fetch_sub(1, Ordering::SeqCst);
        result
    }
}

fn blocking(cache: &Cache, id: &'static str, compute: impl FnMut()) {
    let mut compute = compute;
    let found = cache.get_or_compute_many_blocking(&PATIENT, vec![id], |ids| {
        compute();
        Ok::<_, Error>(ids.into_iter().map(|id| (id, 1_u64)).collect())
    });
    assert_eq!(found.unwrap(), [Some(1)]);
}

fn until(done: impl Fn() -> bool) {
    let clock = Clock::system();
    let began_ms = clock.monotonic_ms();
    while !done() {
        let waited_ms = clock.monotonic_ms() - began_ms;
        assert!(waited_ms < 60_000, "it does not happen");
        thread::yield_now();
    }
}

#[test]
fn a_thread_that_has_lent_its_place_and_gives_up_goes_on_once_it_has_it_back() {
    let Scene { time, cache, .. } = &Scene::new(1);
    let counted = &Counted::default();
    let (begin, finish) = (&AtomicBool::new(false), &AtomicBool::new(false));
    thread::scope(|threads| {
        let outer = threads.spawn(|| {
            blocking(cache, "outer", || {
                counted.during(|| until(|| begin.load(Ordering::SeqCst)));
                blocking(cache, "inner", || counted.during(|| ()));
                counted.during(|| ());
            });
        });
        until(|| counted.now.load(Ordering::SeqCst) == 1);
        let inner = threads.spawn(|| {
            blocking(cache, "inner", || {
                counted.during(|| until(|| finish.load(Ordering::SeqCst)));
            });
        });
        until(|| cache.stats().computed == 2);
        begin.store(true, Ordering::SeqCst);
        until(|| cache.stats().coalesced == 1);
        until(|| counted.now.load(Ordering::SeqCst) == 1);
        for _ in 0..1_000 {
            time.advance(Duration::from_millis(20));
            thread::yield_now();
        }
        let early = outer.is_finished();
        finish.store(true, Ordering::SeqCst);
        until(|| {
            time.advance(Duration::from_millis(20));
            outer.is_finished() && inner.is_finished()
        });
        assert!(!early);
    });
    assert_eq!(counted.most.load(Ordering::SeqCst), 1);
}
