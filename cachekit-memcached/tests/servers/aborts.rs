//! Callers that go away at random, and values that name their own key.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, Want};
use cachekit_memcached::Memcached;
use cachekit_memcached::testkit::Server;
use tokio::task::JoinSet;

use super::{LEAD, TTL, backend, key};

const TASKS: u32 = 32;
const CALLS: u32 = 400;
const KEYS: u32 = 50;

/// Numerical Recipes' generator: the same calls in every run.
struct Chance(u32);

impl Chance {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % limit
    }
}

/// One call, perhaps given up before it ends. A value that is found must name its key.
async fn call(backend: &Memcached, chance: &mut Chance) {
    let name = format!("abort:{}", chance.below(KEYS));
    let key = key(&name);
    let length = if chance.below(20) == 0 {
        40_000
    } else {
        chance.below(200)
    };
    let body = format!("{name} {}", "x".repeat(usize::try_from(length).unwrap()));
    let patience = Duration::from_micros(u64::from(chance.below(400)));
    let want = if chance.below(2) == 0 {
        LEAD
    } else {
        Want::Value
    };
    let action = chance.below(10);
    let call = async {
        match action {
            0..=5 => {
                let Ok(lookup) = backend.get(&key, want).await else {
                    return;
                };
                if let Some(found) = lookup.found {
                    let named = found.value.starts_with(format!("{name} ").as_bytes());
                    assert!(named, "a value of another key");
                }
                if let Lead::Mine(token) = lookup.lead {
                    let _ = backend
                        .set(&key, Bytes::from(body), TTL, Some(&token))
                        .await;
                }
            }
            6 | 7 => drop(backend.set(&key, Bytes::from(body), TTL, None).await),
            8 => drop(backend.expire(&key).await),
            _ => drop(backend.remove(&key).await),
        }
    };
    if chance.below(3) == 0 {
        let _ = tokio::time::timeout(patience, call).await;
    } else {
        call.await;
    }
}

async fn no_caller_gets_the_reply_of_another() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let backend = Arc::new(backend(&servers));
    let mut tasks = JoinSet::new();
    for seed in 0..TASKS {
        let backend = Arc::clone(&backend);
        tasks.spawn(async move {
            let mut chance = Chance(seed);
            for _ in 0..CALLS {
                call(&backend, &mut chance).await;
            }
        });
    }
    tasks.join_all().await;
}

#[tokio::test]
async fn no_caller_gets_the_reply_of_another_on_one_thread() {
    no_caller_gets_the_reply_of_another().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_caller_gets_the_reply_of_another_on_two_threads() {
    no_caller_gets_the_reply_of_another().await;
}

#[tokio::test]
async fn a_call_that_is_never_polled_sends_nothing() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    drop(backend.get(&key("k"), LEAD));
    drop(backend.set(&key("k"), Bytes::from_static(b"v"), TTL, None));
    assert_eq!(servers[0].stat("cmd_set"), 0);
    assert_eq!(
        backend.get(&key("k"), Want::Value).await.unwrap().found,
        None
    );
}

#[tokio::test]
async fn a_lead_goes_to_the_next_reader_wherever_the_first_one_stops() {
    let servers = [Server::start()];
    let backend = backend(&servers);
    for polls in 0..8 {
        let key = key(format_args!("led:{polls}"));
        let mut read = backend.get(&key, LEAD);
        for _ in 0..polls {
            let ready = std::future::poll_fn(|context| {
                std::task::Poll::Ready(read.as_mut().poll(context).is_ready())
            });
            if ready.await {
                backend.remove(&key).await.unwrap();
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(read);
        super::eventually(|| async {
            matches!(backend.get(&key, LEAD).await.unwrap().lead, Lead::Mine(_)).then_some(())
        })
        .await;
    }
}
