//! The cache without a backend: L1 is the whole of it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cachekit_core::backend::{NodeState, Ttl};
use cachekit_core::cache::{Cache, Function, Key, Policy};
use cachekit_core::testkit::ManualClock;
use cachekit_core::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

static SQUARES: Function = Function::new("tests::in_process", "squares");

fn key(n: u64) -> Key<u64> {
    SQUARES.key(&n).unwrap()
}

fn manual() -> (Cache, ManualClock) {
    let time = ManualClock::new();
    (Cache::builder().clock(time.clock()).build(), time)
}

async fn compute(cache: &Cache, n: u64, computed: &AtomicU64) -> u64 {
    let key = key(n);
    let square = cache.get_or_compute(&key, || async {
        computed.fetch_add(1, Ordering::SeqCst);
        tokio::task::yield_now().await;
        Ok::<_, Error>(n * n)
    });
    square.await.unwrap()
}

#[tokio::test]
async fn a_thousand_callers_of_one_key_compute_it_once() {
    let (cache, _) = manual();
    let computed = Arc::new(AtomicU64::new(0));
    let callers: Vec<_> = (0..1_000)
        .map(|_| {
            let (cache, computed) = (cache.clone(), Arc::clone(&computed));
            tokio::spawn(async move { compute(&cache, 7, &computed).await })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap(), 49);
    }
    assert_eq!(computed.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_value_is_computed_again_when_its_ttl_is_over() {
    let (cache, time) = manual();
    let computed = AtomicU64::new(0);
    compute(&cache, 2, &computed).await;
    time.advance(Duration::from_secs(269)); // the ttl of five minutes, less a tenth of jitter
    compute(&cache, 2, &computed).await;
    assert_eq!(computed.load(Ordering::SeqCst), 1);
    time.advance(Duration::from_secs(31));
    compute(&cache, 2, &computed).await;
    assert_eq!(computed.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn an_error_is_returned_and_not_stored() {
    let (cache, _) = manual();
    let failed = cache
        .get_or_compute(&key(3), || async { Err("away") })
        .await;
    assert_eq!(failed, Err("away"));
    assert_eq!(cache.get(&key(3)).await.unwrap(), None);
    assert_eq!(compute(&cache, 3, &AtomicU64::new(0)).await, 9);
}

#[tokio::test]
async fn an_invalidation_beats_a_computation_that_began_before_it() {
    for remove in [true, false] {
        let (cache, _) = manual();
        let (go, wait) = oneshot::channel::<()>();
        let old = tokio::spawn({
            let cache = cache.clone();
            async move {
                let slow = || async { wait.await.map(|()| 1) };
                cache.get_or_compute(&key(4), slow).await.unwrap()
            }
        });
        tokio::task::yield_now().await;
        if remove {
            cache.remove(&key(4)).await.unwrap();
        } else {
            cache.expire(&key(4)).await.unwrap();
        }
        // Who comes now does not wait for what began before.
        let new = cache
            .get_or_compute(&key(4), || async { Ok::<_, Error>(2) })
            .await
            .unwrap();
        assert_eq!(new, 2);
        go.send(()).unwrap();
        assert_eq!(old.await.unwrap(), 1);
        assert_eq!(cache.get(&key(4)).await.unwrap(), Some(2));
    }
}

#[tokio::test]
async fn a_value_that_was_set_is_not_overwritten_by_a_computation_that_began_before() {
    let (cache, _) = manual();
    let key = key(5);
    let set_in_between = cache.get_or_compute(&key, || async {
        cache.set(&key, 100).await?;
        Ok::<_, Error>(25)
    });
    assert_eq!(set_in_between.await.unwrap(), 25);
    assert_eq!(cache.get(&key).await.unwrap(), Some(100));
}

#[tokio::test]
async fn a_caller_that_is_dropped_hands_over_to_a_waiter() {
    let (cache, _) = manual();
    let first = tokio::spawn({
        let cache = cache.clone();
        async move {
            cache
                .get_or_compute(&key(6), std::future::pending::<Result<u64, Error>>)
                .await
        }
    });
    tokio::task::yield_now().await;
    let second = tokio::spawn({
        let cache = cache.clone();
        async move { compute(&cache, 6, &AtomicU64::new(0)).await }
    });
    tokio::task::yield_now().await;
    first.abort();
    assert_eq!(second.await.unwrap(), 36);
}

#[tokio::test]
async fn a_key_asked_for_inside_its_own_computation_runs_through() {
    let (cache, _) = manual();
    let key = key(7);
    let outer = cache.get_or_compute(&key, || async {
        let inner = cache
            .get_or_compute(&key, || async { Ok::<_, Error>(1) })
            .await?;
        Ok::<_, Error>(inner + 1)
    });
    assert_eq!(outer.await.unwrap(), 2);
    assert_eq!(cache.get(&key).await.unwrap(), Some(2));
}

#[tokio::test]
async fn two_computations_that_wait_for_each_other_come_apart() {
    let (cache, time) = manual();
    let nested = |outer: u64, inner: u64, ready: oneshot::Sender<()>, go: oneshot::Receiver<()>| {
        let cache = cache.clone();
        tokio::spawn(async move {
            let compute = || async {
                ready.send(()).unwrap();
                go.await.unwrap();
                cache
                    .get_or_compute(&key(inner), || async { Ok::<_, Error>(1) })
                    .await
            };
            cache.get_or_compute(&key(outer), compute).await.unwrap()
        })
    };
    let (f_ready, f_is_ready) = oneshot::channel();
    let (g_ready, g_is_ready) = oneshot::channel();
    let (f_go, f_went) = oneshot::channel();
    let (g_go, g_went) = oneshot::channel();
    let f = nested(8, 9, f_ready, f_went);
    let g = nested(9, 8, g_ready, g_went);
    f_is_ready.await.unwrap();
    g_is_ready.await.unwrap();
    f_go.send(()).unwrap();
    g_go.send(()).unwrap();
    // Each waits for the other, until the budget is spent.
    while !(f.is_finished() && g.is_finished()) {
        tokio::task::yield_now().await;
        time.advance(Duration::from_secs(1));
    }
    assert_eq!((f.await.unwrap(), g.await.unwrap()), (1, 1));
}

#[tokio::test]
async fn many_forms_answer_in_the_order_asked() {
    let (cache, _) = manual();
    let stored = cache.set_many((0..10).map(|n| (key(n), n)).collect()).await;
    assert!(stored.iter().all(Result::is_ok));
    let removed = cache.remove_many(&[key(3)]).await;
    let expired = cache.expire_many(&[key(4)]).await;
    assert!(removed[0].is_ok() && expired[0].is_ok());
    let keys: Vec<_> = (0..10).rev().map(key).collect();
    let found: Vec<_> = cache
        .get_many(&keys)
        .await
        .into_iter()
        .map(Result::unwrap)
        .collect();
    let expected = (0..10).rev().map(|n| (n != 3 && n != 4).then_some(n));
    assert!(found.into_iter().eq(expected));
}

#[test]
fn nothing_here_needs_a_runtime() {
    let cache = Cache::in_process();
    let work = async {
        let value = cache
            .get_or_compute(&key(1), || async { Ok::<_, Error>(1) })
            .await
            .unwrap();
        assert_eq!(value, 1);
        cache.set(&key(2), 4).await.unwrap();
        cache.remove(&key(1)).await.unwrap();
        cache.get(&key(2)).await.unwrap()
    };
    let mut work = pin!(work);
    // Without a runtime an operation may go through the background one: poll until it is done.
    let value = loop {
        if let Poll::Ready(value) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            break value;
        }
        std::thread::yield_now();
    };
    assert_eq!(value, Some(4));
}

#[tokio::test]
async fn a_type_that_its_codec_cannot_carry_is_refused_in_process_too() {
    #[derive(Clone, Serialize, Deserialize)]
    struct Sparse {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        note: Option<String>,
    }
    static SPARSE: Function = Function::new("tests::in_process", "sparse");
    let (cache, _) = manual();
    let key: Key<Sparse> = SPARSE.key(&()).unwrap();
    let compute = || async { Ok::<_, Error>(Sparse { note: None }) };
    assert!(cache.get_or_compute(&key, compute).await.is_ok());
    assert!(cache.get(&key).await.unwrap().is_none());
    assert_eq!(cache.stats().refused, 1);
    let error = cache.set(&key, Sparse { note: None }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Codec);
}

#[tokio::test]
async fn what_is_set_lives_for_the_ttl_of_its_function() {
    static SHORT: Function = Function::new("tests::in_process", "short")
        .policy(Policy::new().ttl(Duration::from_secs(1)));
    let (cache, time) = manual();
    let key: Key<u64> = SHORT.key(&1).unwrap();
    cache.set(&key, 7).await.unwrap();
    assert_eq!(cache.get(&key).await.unwrap(), Some(7));
    time.advance(Duration::from_secs(1));
    assert_eq!(cache.get(&key).await.unwrap(), None);
}

#[tokio::test]
async fn a_ttl_can_be_named_for_one_entry() {
    let (cache, time) = manual();
    cache.set_for(&key(1), 1, Ttl::from_secs(10)).await.unwrap();
    time.advance(Duration::from_secs(10));
    assert_eq!(cache.get(&key(1)).await.unwrap(), None);
}

#[tokio::test]
async fn a_computation_that_never_returns_does_not_keep_the_key() {
    let (cache, time) = manual();
    let computed = Arc::new(AtomicU64::new(0));
    let never = || std::future::pending::<Result<u64, Error>>();
    let (first, key) = (cache.clone(), key(1));
    let stuck = tokio::spawn(async move { first.get_or_compute(&key, never).await });
    tokio::task::yield_now().await;
    let began_ms = time.clock().monotonic_ms();
    let waiter = tokio::spawn({
        let (cache, computed) = (cache.clone(), Arc::clone(&computed));
        async move { compute(&cache, 1, &computed).await }
    });
    while !waiter.is_finished() {
        time.advance(Duration::from_secs(1));
        tokio::task::yield_now().await;
    }
    let waited_ms = time.clock().monotonic_ms() - began_ms;
    assert!((60_000..63_000).contains(&waited_ms), "{waited_ms} ms");
    for _ in 0..10 {
        compute(&cache, 1, &computed).await;
    }
    assert_eq!(computed.load(Ordering::SeqCst), 1);
    stuck.abort();
}

#[tokio::test]
async fn a_cache_that_stands_in_for_a_misconfigured_one_works_and_its_health_is_down() {
    let cache = Cache::builder()
        .misconfigured("CACHEKIT_DEFAULT_TTL=\"soon\"")
        .build();
    assert_eq!(compute(&cache, 3, &AtomicU64::new(0)).await, 9);
    let health = cache.health().await;
    assert_eq!(health.state(), NodeState::Down);
    assert!(health.nodes[0].detail.contains("CACHEKIT_DEFAULT_TTL"));
}

#[tokio::test]
async fn what_is_for_one_caller_alone_is_for_no_other_after_its_deadline_either() {
    let (cache, time) = manual();
    let (go, wait) = oneshot::channel::<()>();
    let key = key(7);
    let mut first = pin!(cache.get_or_compute(&key, || async {
        cachekit_core::cache::Context::current().no_store();
        wait.await.unwrap();
        Ok::<_, Error>(1)
    }));
    let mut second = pin!(cache.get_or_compute(&key, || async { Ok::<_, Error>(2) }));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending());
    assert!(second.as_mut().poll(&mut context).is_pending());
    time.advance(Duration::from_secs(61));
    go.send(()).unwrap();
    assert_eq!(first.await.unwrap(), 1);
    assert_eq!(second.await.unwrap(), 2);
}
