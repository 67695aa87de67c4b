//! Many ids at once: each has an entry of its own, and what nobody has is computed together.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachekit_core::backend::Backend;
use cachekit_core::cache::{
    Arguments, Cache, CallMany, Context, ErrorProbe, Function, Key, Many as _, OfResultOfMap as _,
    Policy, Probe, ShareClone as _, Tags, Voice,
};
use cachekit_core::clock::Clock;
use cachekit_core::config::Config;
use cachekit_core::testkit::{Calls, Faults, FaultyBackend, ManualClock, ReferenceBackend};
use cachekit_core::{Error, ErrorKind};
use tokio::sync::oneshot;

const TTL: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

static USERS: Function =
    Function::new("tests::many", "users").policy(Policy::new().ttl(TTL).grace(HOUR));
static SOME: Function = Function::new("tests::many", "some")
    .policy(Policy::new().ttl(TTL).negative_ttl(Duration::from_secs(20)));

type Store = FaultyBackend<ReferenceBackend>;
type Users = HashMap<u64, String>;

struct Fleet {
    time: ManualClock,
    store: Arc<Store>,
}

impl Fleet {
    fn new() -> Self {
        let time = ManualClock::new();
        let store = ReferenceBackend::new(time.clock());
        let store = FaultyBackend::new(store, Faults::default(), time.clock());
        Self {
            time,
            store: Arc::new(store),
        }
    }

    fn process(&self) -> Cache {
        self.process_with(Config::default())
    }

    fn process_with(&self, config: Config) -> Cache {
        let backend = Arc::clone(&self.store) as Arc<dyn Backend>;
        Cache::builder()
            .backend(backend)
            .config(config)
            .clock(self.time.clock())
            .build()
    }

    /// A process that is known to the store: the first call of a function costs more.
    async fn known(&self, function: &'static Function) -> Cache {
        let cache = self.process();
        Origin::default().get(&cache, function, [0]).await.unwrap();
        cache
    }

    /// The calls that `run` takes.
    async fn calls(&self, run: impl Future<Output = ()>) -> Calls {
        let before = self.store.calls();
        run.await;
        let after = self.store.calls();
        Calls {
            get: after.get - before.get,
            set: after.set - before.set,
            get_many: after.get_many - before.get_many,
            set_many: after.set_many - before.set_many,
            release: after.release - before.release,
            ..Calls::default()
        }
    }
}

/// Counts what it is asked for.
#[derive(Clone, Default)]
struct Origin {
    asked: Arc<Mutex<Vec<Vec<u64>>>>,
    away: Arc<AtomicBool>,
}

impl Origin {
    fn asked(&self) -> Vec<Vec<u64>> {
        self.asked.lock().unwrap().clone()
    }

    fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// It has nobody beyond 1,000.
    fn answer(&self, ids: Vec<u64>) -> Result<Users, Error> {
        let known = ids.iter().filter(|id| **id < 1_000);
        let users = known.map(|id| (*id, format!("user {id}"))).collect();
        self.asked.lock().unwrap().push(ids);
        match self.away.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Unavailable, "origin")),
            false => Ok(users),
        }
    }

    async fn get(
        &self,
        cache: &Cache,
        function: &'static Function,
        ids: impl IntoIterator<Item = u64>,
    ) -> Result<Vec<Option<String>>, Error> {
        let compute = async |ids| self.answer(ids);
        cache
            .get_or_compute_many(function, ids.into_iter().collect(), compute)
            .await
    }
}

fn users(ids: impl IntoIterator<Item = u64>) -> Vec<Option<String>> {
    ids.into_iter()
        .map(|id| Some(format!("user {id}")))
        .collect()
}

fn key(id: u64) -> Key<String> {
    USERS.key(&id).unwrap()
}

/// Lets the other tasks and threads run until `done`.
async fn until(done: impl Fn() -> bool) {
    let clock = Clock::system();
    let deadline_ms = clock.monotonic_ms() + 10_000;
    while !done() {
        assert!(
            clock.monotonic_ms() < deadline_ms,
            "not done after ten seconds"
        );
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn of_a_hundred_ids_the_forty_that_are_stored_are_not_asked_for() {
    let fleet = Fleet::new();
    let (stored, cache) = (fleet.process(), fleet.known(&USERS).await);
    Origin::default()
        .get(&stored, &USERS, 1..=40)
        .await
        .unwrap();
    let origin = Origin::default();
    let calls = fleet.calls(async {
        assert_eq!(
            origin.get(&cache, &USERS, 1..=100).await.unwrap(),
            users(1..=100)
        );
    });
    let calls = calls.await;
    assert_eq!(origin.asked(), [(41..=100).collect::<Vec<_>>()]);
    let expected = Calls {
        get_many: 1,
        set_many: 1,
        ..Calls::default()
    };
    assert_eq!(calls, expected);
    let stats = cache.stats();
    assert_eq!((stats.backend_hits, stats.computed), (40, 61));
}

#[tokio::test]
async fn what_this_process_has_is_asked_for_nowhere() {
    let fleet = Fleet::new();
    let (cache, origin) = (fleet.process(), Origin::default());
    origin.get(&cache, &USERS, 1..=3).await.unwrap();
    let calls = fleet.calls(async {
        assert_eq!(
            origin.get(&cache, &USERS, 1..=3).await.unwrap(),
            users(1..=3)
        );
    });
    assert_eq!(calls.await, Calls::default());
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn the_order_is_that_of_the_ids_and_each_is_asked_for_once() {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let ids = [3, 1, 3, 2, 1];
    assert_eq!(origin.get(&cache, &USERS, ids).await.unwrap(), users(ids));
    assert_eq!(origin.asked(), [[3, 1, 2]]);
    assert_eq!(origin.get(&cache, &USERS, []).await.unwrap(), []);
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn a_single_call_and_a_batch_share_their_entries() {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let single = async || Ok::<_, Error>("single".to_owned());
    cache.get_or_compute(&key(1), single).await.unwrap();
    let found = origin.get(&cache, &USERS, [1, 2]).await.unwrap();
    assert_eq!(
        found,
        [Some("single".to_owned()), Some("user 2".to_owned())]
    );
    assert_eq!(cache.get(&key(2)).await.unwrap().unwrap(), "user 2");
    assert_eq!(origin.asked(), [[2]]);
}

#[tokio::test]
async fn a_single_call_waits_for_the_batch_that_computes_its_id() {
    let cache = Cache::in_process();
    let (go, wait) = oneshot::channel::<()>();
    let batch = tokio::spawn({
        let (cache, mut wait) = (cache.clone(), Some(wait));
        async move {
            let compute = |ids| {
                let wait = wait.take().expect("one call");
                async move {
                    wait.await.unwrap();
                    Origin::default().answer(ids)
                }
            };
            cache.get_or_compute_many(&USERS, vec![1, 2], compute).await
        }
    });
    until(|| cache.stats().computed == 2).await;
    let single = tokio::spawn({
        let cache = cache.clone();
        async move {
            let never = pending::<Result<String, Error>>;
            cache.get_or_compute(&key(2), never).await
        }
    });
    until(|| cache.stats().coalesced == 1).await;
    go.send(()).unwrap();
    assert_eq!(batch.await.unwrap().unwrap(), users([1, 2]));
    assert_eq!(single.await.unwrap().unwrap(), "user 2");
}

#[tokio::test]
async fn a_batch_waits_for_the_single_call_that_computes_one_of_its_ids() {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let (go, wait) = oneshot::channel::<()>();
    let single = tokio::spawn({
        let cache = cache.clone();
        async move {
            let compute = || async { wait.await.map(|()| "single".to_owned()) };
            cache.get_or_compute(&key(2), compute).await
        }
    });
    until(|| cache.stats().computed == 1).await;
    let batch = tokio::spawn({
        let (cache, origin) = (cache.clone(), origin.clone());
        async move { origin.get(&cache, &USERS, [1, 2, 3]).await }
    });
    until(|| origin.asked() == [[1, 3]]).await;
    go.send(()).unwrap();
    single.await.unwrap().unwrap();
    assert_eq!(batch.await.unwrap().unwrap()[1], Some("single".to_owned()));
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn two_batches_with_ids_in_common_compute_each_once() {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let get = |ids: [u64; 3]| {
        let (cache, origin) = (cache.clone(), origin.clone());
        tokio::spawn(async move {
            let compute = async |ids| {
                let found = origin.answer(ids);
                tokio::task::yield_now().await;
                found
            };
            let found = cache
                .get_or_compute_many(&USERS, ids.to_vec(), compute)
                .await;
            assert_eq!(found.unwrap(), users(ids));
        })
    };
    let both = [get([1, 2, 3]), get([3, 4, 1])];
    for batch in both {
        batch.await.unwrap();
    }
    assert_eq!(origin.asked(), [vec![1, 2, 3], vec![4]]);
}

#[tokio::test]
async fn an_id_that_the_origin_does_not_have_is_remembered_only_with_a_negative_ttl() {
    for fleet in [None, Some(Fleet::new())] {
        let cache = fleet
            .as_ref()
            .map_or_else(Cache::in_process, Fleet::process);
        let origin = Origin::default();
        for _ in 0..2 {
            assert_eq!(origin.get(&cache, &USERS, [1_000]).await.unwrap(), [None]);
            assert_eq!(origin.get(&cache, &SOME, [1_000]).await.unwrap(), [None]);
        }
        assert_eq!(origin.asked().len(), 3);
        assert_eq!(cache.stats().absent, 1);
    }
}

#[tokio::test]
async fn it_is_asked_for_again_after_the_negative_ttl() {
    let fleet = Fleet::new();
    let (cache, origin) = (fleet.process(), Origin::default());
    origin.get(&cache, &SOME, [1, 1_000]).await.unwrap();
    fleet.time.advance(Duration::from_secs(21));
    let found = origin.get(&cache, &SOME, [1, 1_000]).await.unwrap();
    assert_eq!(found, [Some("user 1".to_owned()), None]);
    assert_eq!(origin.asked(), [vec![1, 1_000], vec![1_000]]);
}

#[tokio::test]
async fn an_origin_that_fails_says_nothing_of_any_id() {
    let fleet = Fleet::new();
    let (cache, origin) = (fleet.process(), Origin::default());
    origin.set_away(true);
    let failed = origin.get(&cache, &SOME, [1, 1_000]).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable);
    origin.set_away(false);
    let found = origin.get(&cache, &SOME, [1, 1_000]).await.unwrap();
    assert_eq!(found, [Some("user 1".to_owned()), None]);
    assert_eq!(origin.asked(), [[1, 1_000], [1, 1_000]]);
}

#[tokio::test]
async fn while_the_origin_fails_what_is_in_grace_is_served_and_left_alone_for_a_while() {
    for fleet in [None, Some(Fleet::new())] {
        let time = fleet
            .as_ref()
            .map_or_else(ManualClock::new, |fleet| fleet.time.clone());
        let cache = match &fleet {
            Some(fleet) => fleet.process(),
            None => Cache::builder().clock(time.clock()).build(),
        };
        let origin = Origin::default();
        origin.get(&cache, &USERS, [1, 2]).await.unwrap();
        time.advance(TTL);
        origin.set_away(true);
        assert_eq!(
            origin.get(&cache, &USERS, [1, 2]).await.unwrap(),
            users([1, 2])
        );
        assert_eq!(
            origin.get(&cache, &USERS, [1, 2]).await.unwrap(),
            users([1, 2])
        );
        assert_eq!(origin.asked().len(), 2, "throttled");
        // Only for what has nothing in grace there is an error.
        assert!(origin.get(&cache, &USERS, [1, 3]).await.is_err());
        assert_eq!(origin.asked().last(), Some(&vec![3]));
        assert_eq!(cache.stats().stale, 5);
    }
}

#[tokio::test]
async fn an_origin_that_answers_id_by_id_fails_for_some_of_them() {
    let cache = Cache::in_process();
    let asked = Mutex::new(Vec::new());
    let get = async |ids: Vec<u64>| {
        let compute = async |ids: Vec<u64>| {
            asked.lock().unwrap().push(ids.clone());
            let known = ids.into_iter().filter(|id| *id < 1_000);
            let each = known.map(|id| (id, if id == 2 { Err("away") } else { Ok(id * 10) }));
            each.collect::<HashMap<_, _>>()
        };
        cache.get_or_compute_each(&SOME, ids, compute).await
    };
    let expected = HashMap::from([(1, Ok(10)), (2, Err("away")), (3, Ok(30))]);
    assert_eq!(get(vec![1, 2, 3, 1_000]).await, expected);
    assert_eq!(get(vec![1, 2, 3, 1_000]).await, expected);
    assert_eq!(*asked.lock().unwrap(), [vec![1, 2, 3, 1_000], vec![2]]);
}

#[tokio::test]
async fn what_another_process_computes_is_waited_for() {
    let fleet = Fleet::new();
    let (here, there) = (fleet.known(&USERS).await, fleet.known(&USERS).await);
    let (go, wait) = oneshot::channel::<()>();
    let single = tokio::spawn(async move {
        let compute = || async { wait.await.map(|()| "there".to_owned()) };
        there.get_or_compute(&key(2), compute).await
    });
    let (store, origin) = (Arc::clone(&fleet.store), Origin::default());
    let before = store.calls().get;
    until(|| store.calls().get > before).await;
    let batch = tokio::spawn({
        let origin = origin.clone();
        async move { origin.get(&here, &USERS, [1, 2]).await }
    });
    until(|| origin.asked() == [[1]]).await;
    go.send(()).unwrap();
    single.await.unwrap().unwrap();
    let time = fleet.time.clone();
    until(|| {
        time.advance(Duration::from_millis(10));
        batch.is_finished()
    })
    .await;
    let found = batch.await.unwrap().unwrap();
    assert_eq!(found, [Some("user 1".to_owned()), Some("there".to_owned())]);
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn what_another_process_leaves_undone_is_computed_in_a_call_of_its_own() {
    let fleet = Fleet::new();
    let (here, there) = (fleet.known(&USERS).await, fleet.known(&USERS).await);
    let single = tokio::spawn(async move {
        let never = pending::<Result<String, Error>>;
        there.get_or_compute(&key(2), never).await
    });
    let (store, origin) = (Arc::clone(&fleet.store), Origin::default());
    let before = store.calls().get;
    until(|| store.calls().get > before).await;
    let batch = tokio::spawn({
        let origin = origin.clone();
        async move { origin.get(&here, &USERS, [1, 2]).await }
    });
    until(|| origin.asked() == [[1]]).await;
    single.abort();
    let time = fleet.time.clone();
    until(|| {
        time.advance(Duration::from_millis(10));
        batch.is_finished()
    })
    .await;
    assert_eq!(batch.await.unwrap().unwrap(), users([1, 2]));
    assert_eq!(origin.asked(), [[1], [2]]);
}

#[tokio::test]
async fn a_batch_that_is_dropped_hands_its_ids_to_those_who_wait_and_its_leads_back() {
    let fleet = Fleet::new();
    let (cache, other) = (fleet.known(&USERS).await, fleet.known(&USERS).await);
    let dropped = tokio::spawn({
        let cache = cache.clone();
        async move {
            let never = |_| pending::<Result<Users, Error>>();
            cache.get_or_compute_many(&USERS, vec![1, 2], never).await
        }
    });
    until(|| cache.stats().computed == 3).await;
    let origin = Origin::default();
    let waiting = tokio::spawn({
        let (cache, origin) = (cache.clone(), origin.clone());
        async move { origin.get(&cache, &USERS, [1]).await }
    });
    until(|| cache.stats().coalesced == 1).await;
    dropped.abort();
    let time = fleet.time.clone();
    until(|| {
        time.advance(Duration::from_millis(10));
        waiting.is_finished()
    })
    .await;
    assert_eq!(waiting.await.unwrap().unwrap(), users([1]));
    let store = Arc::clone(&fleet.store);
    until(|| store.calls().release >= 2).await;
    assert_eq!(origin.get(&other, &USERS, [2]).await.unwrap(), users([2]));
    assert_eq!(origin.asked(), [[1], [2]]);
}

#[tokio::test]
async fn a_task_goes_on_when_its_caller_has_no_more_time_and_ends_when_it_is_dropped() {
    static TIMED: Function =
        Function::new("tests::many", "timed").policy(Policy::new().timeout(Duration::from_secs(1)));
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let origin = Origin::default();
    let spawned = |wait: oneshot::Receiver<()>| {
        let (cache, origin, mut wait) = (cache.clone(), origin.clone(), Some(wait));
        tokio::spawn(async move {
            let compute = move |ids| {
                let (wait, origin) = (wait.take().expect("one call"), origin.clone());
                async move {
                    wait.await.unwrap();
                    origin.answer(ids)
                }
            };
            cache.get_or_spawn_many(&TIMED, vec![1, 2], compute).await
        })
    };
    let (go, wait) = oneshot::channel();
    let timed = spawned(wait);
    until(|| cache.stats().computed == 2).await;
    time.advance(Duration::from_secs(2));
    assert_eq!(timed.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    go.send(()).unwrap();
    until(|| cache.entries() == 2).await;
    assert_eq!(origin.asked(), [[1, 2]]);

    for id in [1_u64, 2] {
        cache
            .remove(&TIMED.key::<String>(&id).unwrap())
            .await
            .unwrap();
    }
    let (go, wait) = oneshot::channel();
    let dropped = spawned(wait);
    until(|| cache.stats().computed == 4).await;
    dropped.abort();
    until(|| go.is_closed()).await;
}

#[tokio::test]
async fn a_panic_of_the_origin_is_that_of_the_caller_and_leaves_the_ids_free() {
    let cache = Cache::in_process();
    let panicking = tokio::spawn({
        let cache = cache.clone();
        async move {
            let compute = |_: Vec<u64>| async { panic!("origin") };
            cache
                .get_or_spawn_many::<_, String, Error, _>(&USERS, vec![1], compute)
                .await
        }
    });
    assert!(panicking.await.unwrap_err().is_panic());
    assert_eq!(
        Origin::default().get(&cache, &USERS, [1]).await.unwrap(),
        users([1])
    );
}

#[test]
fn a_thread_computes_for_itself_with_and_without_a_store() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for fleet in [None, Some(Fleet::new())] {
        let cache = fleet
            .as_ref()
            .map_or_else(Cache::in_process, Fleet::process);
        let origin = Origin::default();
        let thread = std::thread::current().id();
        let get = |ids| {
            let compute = |ids| {
                assert_eq!(std::thread::current().id(), thread);
                origin.answer(ids)
            };
            cache
                .get_or_compute_many_blocking(&USERS, ids, compute)
                .unwrap()
        };
        assert_eq!(get(vec![1, 2]), users([1, 2]));
        // The thread of a runtime may be blocked as well.
        assert_eq!(runtime.block_on(async { get(vec![2, 3]) }), users([2, 3]));
        assert_eq!(origin.asked(), [vec![1, 2], vec![3]]);
    }
}

#[tokio::test]
async fn ids_in_their_early_window_are_computed_together_by_one_caller() {
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let origin = Origin::default();
    let slow = async |ids| {
        time.advance(Duration::from_secs(2));
        origin.answer(ids)
    };
    let ids = || vec![1, 2, 3];
    cache
        .get_or_compute_many(&USERS, ids(), slow)
        .await
        .unwrap();
    time.advance(Duration::from_secs(53)); // of at least 54
    let before = cache.stats().refreshed;
    let refreshed = cache
        .get_or_compute_many(&USERS, ids(), slow)
        .await
        .unwrap();
    assert_eq!(refreshed, users([1, 2, 3]));
    assert_eq!(cache.stats().refreshed - before, 3);
    assert_eq!(origin.asked(), [[1, 2, 3], [1, 2, 3]]);
}

#[tokio::test]
async fn in_a_task_nobody_waits_for_what_is_refreshed_early() {
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let (origin, clock) = (Origin::default(), time.clone());
    let slow = async |ids| {
        clock.advance(Duration::from_secs(2));
        origin.answer(ids)
    };
    cache
        .get_or_compute_many(&USERS, vec![1, 2], slow)
        .await
        .unwrap();
    time.advance(Duration::from_secs(53));
    let (go, wait) = oneshot::channel::<()>();
    let (mut wait, asked) = (Some(wait), origin.clone());
    let compute = move |ids| {
        let (wait, origin) = (wait.take().expect("one call"), asked.clone());
        async move {
            wait.await.unwrap();
            origin.answer(ids)
        }
    };
    let found = cache.get_or_spawn_many(&USERS, vec![1, 2], compute).await;
    assert_eq!(found.unwrap(), users([1, 2]));
    assert_eq!(origin.asked().len(), 1);
    go.send(()).unwrap();
    until(|| origin.asked().len() == 2).await;
}

#[tokio::test]
async fn one_place_among_the_computations_is_enough_for_a_batch() {
    let mut config = Config::default();
    config.max_computations = 1;
    let cache = Cache::builder().config(config).build();
    let (other, origin) = (cache.clone(), Origin::default());
    let found = origin.get(&cache, &USERS, 1..=50).await.unwrap();
    assert_eq!(found, users(1..=50));
    // Inside of a computation a batch has the place of that.
    let outer = async || {
        origin
            .get(&other, &USERS, 40..=60)
            .await
            .map(|found| found.len())
    };
    let key: Key<usize> = SOME.key(&"outer").unwrap();
    assert_eq!(cache.get_or_compute(&key, outer).await.unwrap(), 21);
}

#[tokio::test]
async fn an_id_asked_for_inside_of_its_own_batch_is_computed_past_it() {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let compute = async |ids: Vec<u64>| {
        let inside = origin.get(&cache, &USERS, [2, 3]).await?;
        assert_eq!(inside, users([2, 3]));
        origin.answer(ids)
    };
    let found = cache.get_or_compute_many(&USERS, vec![1, 2], compute).await;
    assert_eq!(found.unwrap(), users([1, 2]));
    assert_eq!(origin.asked(), [[2, 3], [1, 2]]);
    assert_eq!(cache.entries(), 3);
}

#[tokio::test]
async fn what_the_origin_says_of_its_result_is_said_of_all_ids() {
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let origin = Origin::default();
    let short = async |ids| {
        Context::current().ttl(Duration::from_secs(1));
        Context::current().not_found_for(HOUR);
        origin.answer(ids)
    };
    let ids = || vec![1, 2, 1_000];
    cache
        .get_or_compute_many(&USERS, ids(), short)
        .await
        .unwrap();
    time.advance(Duration::from_secs(2));
    cache
        .get_or_compute_many(&USERS, ids(), short)
        .await
        .unwrap();
    assert_eq!(origin.asked(), [vec![1, 2, 1_000], vec![1, 2]]);

    let unstored = async |ids| {
        Context::current().no_store();
        origin.answer(ids)
    };
    cache
        .get_or_compute_many(&SOME, ids(), unstored)
        .await
        .unwrap();
    assert!(
        cache
            .get(&SOME.key::<String>(&1_u64).unwrap())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn what_is_removed_while_it_is_computed_is_given_to_the_caller_and_not_stored() {
    let fleet = Fleet::new();
    let (cache, other) = (fleet.process(), fleet.process());
    let origin = Origin::default();
    let compute = async |ids| {
        other.remove(&key(2)).await.unwrap();
        origin.answer(ids)
    };
    let found = cache.get_or_compute_many(&USERS, vec![1, 2], compute).await;
    assert_eq!(found.unwrap(), users([1, 2]));
    assert_eq!(cache.stats().superseded, 1);
    let [one, two] = [key(1), key(2)];
    assert!(other.get(&one).await.unwrap().is_some());
    assert!(other.get(&two).await.unwrap().is_none());
}

#[tokio::test]
async fn an_outage_of_the_store_is_no_outage_of_the_origin() {
    let fleet = Fleet::new();
    let (cache, origin) = (fleet.process(), Origin::default());
    fleet.store.set_outage(true);
    assert_eq!(
        origin.get(&cache, &USERS, 1..=3).await.unwrap(),
        users(1..=3)
    );
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn each_id_has_its_own_tags_and_all_are_read_at_once() {
    let fleet = Fleet::new();
    let (cache, other) = (fleet.known(&USERS).await, fleet.known(&USERS).await);
    let origin = Origin::default();
    let get = async |cache: &Cache| {
        let map = Probe::<Result<Users, Error>>::new().many();
        let mut call: CallMany<_> = CallMany::new(map);
        for id in 1..=10_u64 {
            let mut key = Arguments::new(&USERS);
            key.argument(&id);
            let mut tags = Tags::new();
            tags.push("users");
            tags.push(&format!("user:{id}"));
            call.add(id, key, tags);
        }
        let voice = Voice::new((&&&ErrorProbe::new(map.one())).share(), None);
        let found = call.run_inline(cache, None, voice, async |ids| origin.answer(ids));
        assert_eq!(found.await.unwrap().len(), 10);
    };
    get(&cache).await;
    other.remove_tag("user:7").await.unwrap();
    let calls = fleet.calls(get(&other));
    let expected = Calls {
        // Entries and tags, of all and then of the one whose tag was removed, and its new token.
        get_many: 5,
        set_many: 2,
        ..Calls::default()
    };
    assert_eq!(calls.await, expected);
    assert_eq!(origin.asked(), [(1..=10).collect(), vec![7]]);
    assert_eq!(other.stats().backend_hits, 1 + 9);
}
