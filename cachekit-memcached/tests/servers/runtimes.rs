//! One backend, used from several tokio runtimes.

use cachekit_core::backend::{Backend as _, Want};
use cachekit_core::error::ErrorKind;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Config, Memcached};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};

use super::{DEADLINE, backend, config, connected, key, set, unanswered, value};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_backend_outlives_the_runtimes_that_use_it() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    for number in 0..5 {
        runtime().block_on(set(&backend, &key(number), "v"));
    }
    runtime().block_on(async {
        for number in 0..5 {
            assert_eq!(value(&backend, &key(number)).await.unwrap(), "v");
        }
    });
}

#[test]
fn a_runtime_that_stands_still_holds_up_no_other() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    let (first, second) = (runtime(), runtime());
    first.block_on(set(&backend, &key("k"), "v"));
    // `first` lives, and nobody drives it.
    second.block_on(async { assert_eq!(value(&backend, &key("k")).await.unwrap(), "v") });
    first.block_on(async { assert_eq!(value(&backend, &key("k")).await.unwrap(), "v") });
}

#[test]
fn each_runtime_has_one_connection_up_to_the_limit() {
    let servers = [Server::start()];
    let config = Config {
        max_pool_size: 2,
        ..config(&servers)
    };
    let backend = Memcached::new(config).unwrap();
    let runtimes: Vec<Runtime> = (0..3)
        .map(|_| {
            Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap()
        })
        .collect();
    for runtime in &runtimes {
        for _ in 0..3 {
            runtime.block_on(set(&backend, &key("k"), "v"));
        }
    }
    runtime().block_on(connected(&servers[0], 2));
}

#[test]
fn a_runtime_without_a_connection_of_its_own_waits_no_longer_than_its_time_for_another() {
    let servers = [Server::start()];
    let config = Config {
        max_pool_size: 1,
        ..config(&servers)
    };
    let backend = Memcached::new(config).unwrap();
    let (first, second) = (runtime(), runtime());
    first.block_on(set(&backend, &key("k"), "v"));
    // The only connection is that of `first`, which nobody drives.
    second.block_on(async {
        let key = key("k");
        let get = timeout(DEADLINE, backend.get(&key, Want::Value));
        let outcome = unanswered(get).await.expect("it keeps its time");
        assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Timeout);
    });
    first.block_on(async { assert_eq!(value(&backend, &key("k")).await.unwrap(), "v") });
}

#[test]
fn a_backend_that_is_dropped_closes_its_connections() {
    let servers = [Server::start()];
    runtime().block_on(async {
        let backend = backend(&servers);
        set(&backend, &key("k"), "v").await;
        connected(&servers[0], 1).await;
        drop(backend);
        connected(&servers[0], 0).await;
    });
}

#[test]
fn outside_of_a_runtime_a_call_is_an_error_and_no_panic() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    let key = key("k");
    let mut call = backend.get(&key, Want::Value);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match call.as_mut().poll(&mut context) {
        std::task::Poll::Ready(Err(error)) => assert_eq!(error.kind(), ErrorKind::Unsupported),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_server_that_is_back_is_found_although_its_runtime_runs_only_during_calls() {
    let mut servers = [Server::start()];
    let backend = backend(&servers);
    let runtime = runtime();
    servers[0].kill();
    let get = || runtime.block_on(backend.get(&key("k"), Want::Value));
    get().unwrap_err();
    servers[0].restart();
    let began = Instant::now();
    while get().is_err() {
        assert!(began.elapsed() < DEADLINE, "it is never found again");
    }
}
