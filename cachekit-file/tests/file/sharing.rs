//! Instances and processes that share a directory.

use cachekit_core::backend::{Backend, Want};
use cachekit_file::{Config, FileBackend};

use crate::chance::Chance;
use crate::child::{self, Process};
use crate::described::Described;
use crate::scratch::{LONG, Scratch, key, patiently, set, value};

#[tokio::test]
async fn two_instances_see_each_others_writes_expiries_and_removals() {
    let scratch = Scratch::new();
    let (a, b) = (
        FileBackend::new(scratch.config()).unwrap(),
        FileBackend::new(scratch.config()).unwrap(),
    );
    set(&a, "k", b"from a").await;
    assert_eq!(value(&b, "k").await.unwrap(), "from a");
    set(&b, "k", b"from b").await;
    assert_eq!(value(&a, "k").await.unwrap(), "from b");
    a.expire(&key("k")).await.unwrap();
    assert!(
        b.get(&key("k"), Want::Value)
            .await
            .unwrap()
            .found
            .unwrap()
            .stale
    );
    b.remove(&key("k")).await.unwrap();
    assert_eq!(value(&a, "k").await, None);
}

/// Sets, reads, expires and removes the same few keys as every other process, and finds no value
/// that was not set for its key.
async fn churn(backend: &FileBackend, rounds: u64) {
    let mut chance = Chance::new(1);
    for round in 0..rounds {
        for number in 0..20 {
            let key = key(&format!("shared:{number}"));
            match (round + number) % 7 {
                0 => patiently(async || backend.remove(&key).await).await,
                1 => patiently(async || backend.expire(&key).await).await,
                2 | 3 => {
                    let described = Described {
                        key: number,
                        version: round,
                    };
                    let value = described.value(chance.length(3_000));
                    let set = async || backend.set(&key, value.clone(), LONG, None).await;
                    patiently(set).await;
                }
                _ => {
                    let found = backend.get(&key, Want::Value).await.unwrap().found;
                    let key = found.map(|found| Described::read(&found.value).unwrap().key);
                    assert!(key.is_none_or(|key| key == number));
                }
            }
        }
    }
}

async fn churn_and_say_so(config: Config) {
    let backend = FileBackend::new(config).unwrap();
    churn(&backend, 60).await;
    set(&backend, "done", b"v").await;
}

#[tokio::test]
async fn processes_that_write_the_same_keys_never_find_a_wrong_value() {
    const THIS: &str = "sharing::processes_that_write_the_same_keys_never_find_a_wrong_value";
    if let Some(config) = child::config() {
        return churn_and_say_so(config).await;
    }
    let scratch = Scratch::new();
    let processes: Vec<_> = (0..3)
        .map(|_| Process::start(THIS, &scratch.cache(), 0))
        .collect();
    let backend = FileBackend::new(scratch.config()).unwrap();
    churn(&backend, 60).await;
    for process in processes {
        process.succeeds();
    }
    assert_eq!(value(&backend, "done").await.unwrap(), "v");
    let names = scratch.files();
    assert!(
        names
            .iter()
            .all(|name| !name.to_str().unwrap().contains(".tmp-")),
        "{names:?}"
    );
}
