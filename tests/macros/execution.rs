//! Where and how often the body runs.

use std::rc::Rc;
use std::sync::Barrier;
use std::thread;

use cachekit::cached;
use serde::Serialize;
use tokio::runtime::Builder;

use crate::origin::Origin;

#[test]
fn a_sync_function_may_call_itself() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn fibonacci(n: u64) -> u64 {
        ORIGIN.ask();
        if n < 2 {
            n
        } else {
            fibonacci(n - 1) + fibonacci(n - 2)
        }
    }
    assert_eq!(fibonacci(80), 23_416_728_348_467_685);
    assert_eq!(ORIGIN.asked(), 81);
}

#[test]
fn a_sync_function_in_place_may_call_itself() {
    #[cached(companions = false)]
    fn factorial(n: u64) -> u64 {
        if n == 0 { 1 } else { n * factorial(n - 1) }
    }
    assert_eq!(factorial(10), 3_628_800);
}

#[tokio::test]
async fn an_async_function_may_call_itself() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    async fn detached(n: u64) -> u64 {
        ORIGIN.ask();
        if n < 2 {
            return n;
        }
        Box::pin(detached(n - 1)).await + Box::pin(detached(n - 2)).await
    }
    #[cached]
    async fn inline(n: &u64) -> u64 {
        if *n < 2 {
            return *n;
        }
        Box::pin(inline(&(n - 1))).await + Box::pin(inline(&(n - 2))).await
    }
    #[cached(companions = false)]
    async fn in_place(n: u64) -> u64 {
        if n == 0 {
            1
        } else {
            n * Box::pin(in_place(n - 1)).await
        }
    }
    assert_eq!(detached(30).await, 832_040);
    assert_eq!(ORIGIN.asked(), 31);
    assert_eq!(inline(&30).await, 832_040);
    assert_eq!(in_place(10).await, 3_628_800);
}

#[test]
fn a_key_asked_for_inside_its_own_computation_runs_through() {
    static ORIGIN: Origin = Origin::new();
    #[cached(skip(depth))]
    fn same(id: u32, depth: u32) -> u32 {
        ORIGIN.ask();
        if depth == 0 { id } else { same(id, depth - 1) }
    }
    assert_eq!(same(1, 3), 1);
    assert_eq!(ORIGIN.asked(), 4);
}

#[test]
fn a_sync_function_works_in_every_runtime_and_in_none() {
    #[cached]
    fn load(id: u32) -> u32 {
        id + 1
    }
    let use_it = |id| {
        assert_eq!(load(id), id + 1);
        load::remove(id).unwrap();
        load::prime(id, 7).unwrap();
        assert_eq!(load(id), 7);
        assert_eq!(load::refresh(id), id + 1);
    };
    use_it(1);
    Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(async { use_it(2) });
    let many = Builder::new_multi_thread()
        .worker_threads(1)
        .build()
        .unwrap();
    many.block_on(async { tokio::spawn(async move { load(3) }).await.unwrap() });
    many.block_on(async { use_it(4) });
    many.block_on(many.spawn_blocking(|| load(5))).unwrap();
}

#[test]
fn an_async_function_works_in_each_runtime_that_comes_and_goes() {
    #[cached]
    async fn load(id: u32) -> u32 {
        tokio::task::yield_now().await;
        id + 1
    }
    for id in [1, 1, 2] {
        let runtime = Builder::new_current_thread().build().unwrap();
        assert_eq!(runtime.block_on(load(id)), id + 1);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(2)
        .build()
        .unwrap();
    assert_eq!(runtime.block_on(load(3)), 4);
}

#[test]
fn simultaneous_sync_callers_share_one_computation() {
    static ORIGIN: Origin = Origin::new();
    static ARRIVED: Barrier = Barrier::new(4);
    #[cached]
    fn slow(id: u32) -> u32 {
        ORIGIN.ask();
        thread::yield_now();
        id
    }
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                ARRIVED.wait();
                assert_eq!(slow(1), 1);
            });
        }
    });
    assert_eq!(ORIGIN.asked(), 1);
}

#[tokio::test]
async fn simultaneous_async_callers_share_one_computation() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    async fn detached(id: u32) -> Result<u32, String> {
        ORIGIN.ask();
        tokio::task::yield_now().await;
        Ok(id)
    }
    #[cached]
    async fn inline(id: &u32) -> Result<u32, String> {
        ORIGIN.ask();
        tokio::task::yield_now().await;
        Ok(*id)
    }
    let (a, b, c, d) = tokio::join!(detached(1), detached(1), inline(&2), inline(&2));
    assert_eq!((a, b, c, d), (Ok(1), Ok(1), Ok(2), Ok(2)));
    assert_eq!(ORIGIN.asked(), 2);
}

#[tokio::test]
async fn an_owned_signature_computes_in_a_task_of_its_own() {
    #[cached]
    async fn detached(id: u32) -> (u32, Option<String>) {
        (id, tokio::task::try_id().map(|task| task.to_string()))
    }
    #[cached]
    async fn inline(id: &u32) -> (u32, Option<String>) {
        (*id, tokio::task::try_id().map(|task| task.to_string()))
    }
    assert!(
        detached(1).await.1.is_some(),
        "the test itself runs in no task"
    );
    assert!(inline(&1).await.1.is_none());
}

#[test]
fn a_future_that_is_not_send_computes_inline() {
    #[cached]
    async fn local(id: &u32) -> u32 {
        let shared = Rc::new(*id);
        tokio::task::yield_now().await;
        *shared
    }
    let runtime = Builder::new_current_thread().build().unwrap();
    assert_eq!(runtime.block_on(local(&1)), 1);
}

#[tokio::test]
async fn a_panic_reaches_the_caller_and_stores_nothing() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    async fn broken(id: u32) -> u32 {
        ORIGIN.ask();
        assert!(ORIGIN.asked() > 1, "first call");
        id
    }
    let caught = tokio::spawn(broken(1)).await;
    assert!(caught.unwrap_err().is_panic());
    assert_eq!(broken(1).await, 1);
    assert_eq!(ORIGIN.asked(), 2);
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[tokio::test]
async fn the_futures_are_send_where_the_bodies_are() {
    #[cached]
    async fn detached(id: u32) -> u32 {
        tokio::task::yield_now().await;
        id
    }
    #[cached]
    async fn inline(name: &str) -> Result<usize, std::io::Error> {
        tokio::task::yield_now().await;
        Ok(name.len())
    }
    assert_eq!(assert_send(detached(1)).await, 1);
    assert_eq!(assert_send(inline("ab")).await.unwrap(), 2);
    assert_eq!(assert_send(detached::refresh(1)).await, 1);
    assert_eq!(assert_send(detached::peek(1)).await, Some(1));
    assert_send(inline::prime("ab", Ok(3))).await.unwrap();
    assert_send(inline::remove("ab")).await.unwrap();
}

#[tokio::test]
async fn an_async_function_may_be_generic() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    async fn sum<T: Into<u64> + Serialize, const N: usize>(
        one: T,
        other: impl Into<u64> + Serialize,
    ) -> Vec<u64> {
        ORIGIN.ask();
        tokio::task::yield_now().await;
        vec![one.into() + other.into(); N]
    }
    assert_eq!(sum::<_, 2>(1_u8, 2_u16).await, [3, 3]);
    assert_eq!(sum::<_, 2>(1_u8, 2_u16).await, [3, 3]);
    assert_eq!(sum::<_, 1>(1_u8, 2_u16).await, [3]);
    assert_eq!(ORIGIN.asked(), 2);
    assert_eq!(sum::peek::<_, 2>(1_u8, 2_u16).await, Some(vec![3, 3]));
}
