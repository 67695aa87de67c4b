//! What another server kept for one that was away, and what the processes believe when it is back.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, NodeState, Stored, Token, Ttl, Want};
use cachekit_core::key::StoreKey;
use cachekit_memcached::testkit::{MemoryServer, Options, Way};
use cachekit_memcached::{Config, Memcached};

const TTL: Ttl = Ttl::from_secs(300);
const LEAD: Want = Want::Lead {
    hold: Ttl::from_secs(6),
    early: Duration::ZERO,
    patience: Duration::ZERO,
};

/// A process, and its ways to the servers.
struct Process {
    backend: Memcached,
    ways: Vec<Way>,
}

impl Process {
    /// One that has connections.
    async fn start(servers: &[MemoryServer]) -> Self {
        let ways: Vec<Way> = servers.iter().map(MemoryServer::way).collect();
        let config = Config::of_servers(ways.iter().map(Way::address)).unwrap();
        let backend = Memcached::new(config).unwrap();
        assert_eq!(backend.health().await.state(), NodeState::Up);
        Self { backend, ways }
    }

    async fn value(&self, key: &StoreKey) -> Option<Bytes> {
        let lookup = self.backend.get(key, Want::Value).await.unwrap();
        lookup.found.map(|found| found.value)
    }

    async fn lead(&self, key: &StoreKey) -> Token {
        match self.backend.get(key, LEAD).await.unwrap().lead {
            Lead::Mine(token) => token,
            other => panic!("{other:?}"),
        }
    }

    /// Computes `value`, as the only one.
    async fn compute(&self, key: &StoreKey, value: &'static str) {
        let token = self.lead(key).await;
        let stored = self.backend.set(key, value.into(), TTL, Some(&token));
        assert_eq!(stored.await.unwrap(), Stored::Stored);
    }

    /// Learns that all servers are there again.
    async fn looks(&self) {
        let health = self.backend.health().await;
        assert_ne!(health.state(), NodeState::Down, "{health:?}");
    }
}

/// Two servers, the index of the one that owns the key, and two processes.
async fn two() -> ([MemoryServer; 2], usize, [Process; 2], StoreKey) {
    let servers = ["a", "b"].map(|name| MemoryServer::start(name, Options::default()));
    let processes = [
        Process::start(&servers).await,
        Process::start(&servers).await,
    ];
    let key = StoreKey::new("k".to_owned()).unwrap();
    let owner = processes[0].backend.owner(&key).unwrap();
    let owner = usize::from(owner.starts_with('b'));
    (servers, owner, processes, key)
}

#[tokio::test(start_paused = true)]
async fn what_another_stored_on_a_server_that_was_started_again_is_believed() {
    let (servers, owner, [one, two], key) = two().await;
    servers[owner].kill();
    assert_eq!(one.value(&key).await, None);
    assert_eq!(two.value(&key).await, None);
    servers[owner].restart();
    one.looks().await;
    one.compute(&key, "new").await;
    two.looks().await;
    assert_eq!(two.value(&key).await.unwrap(), "new");
}

#[tokio::test(start_paused = true)]
async fn what_was_computed_during_an_outage_deletes_nothing_that_others_stored_after_it() {
    let (servers, owner, [one, two], key) = two().await;
    servers[owner].kill();
    one.compute(&key, "stood in").await;
    assert_eq!(two.value(&key).await.unwrap(), "stood in");
    servers[owner].restart();
    two.looks().await;
    two.compute(&key, "new").await;
    one.looks().await;
    assert_eq!(one.value(&key).await.unwrap(), "new");
    // And it is not found when the owner is away again.
    servers[owner].kill();
    assert_eq!(one.value(&key).await, None);
    assert_eq!(two.value(&key).await, None);
}

#[tokio::test(start_paused = true)]
async fn what_an_owner_held_that_one_could_not_reach_is_not_read_after_what_was_computed() {
    let (_servers, owner, [one, two], key) = two().await;
    two.compute(&key, "old").await;
    one.ways[owner].cut(true);
    while one.backend.get(&key, Want::Value).await.is_err() {}
    one.compute(&key, "new").await;
    one.ways[owner].cut(false);
    one.looks().await;
    assert_eq!(one.value(&key).await, None);
}
