//! What schedules seldom come to.

use std::time::Duration;

use cachekit_core::backend::{Backend as _, Lead, Stored, Token, Ttl, Want};
use cachekit_core::key::StoreKey;
use cachekit_memcached::testkit::{MemoryServer, Options};
use cachekit_memcached::{Config, Memcached};
use tokio::time::advance;

const HOLD: Want = Want::Lead {
    hold: Ttl::from_secs(6),
    early: Duration::ZERO,
    patience: Duration::ZERO,
};

async fn lead(backend: &Memcached, key: &StoreKey) -> Option<Token> {
    match backend.get(key, HOLD).await.unwrap().lead {
        Lead::Mine(token) => Some(token),
        Lead::Other => None,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_lead_over_what_was_expired_while_it_was_computed_lasts_as_long_as_any() {
    let server = MemoryServer::start("a", Options::default());
    let way = server.way();
    let backend = Memcached::new(Config::of_servers([way.address()]).unwrap()).unwrap();
    let key = StoreKey::new("k".to_owned()).unwrap();
    let first = lead(&backend, &key).await.expect("nobody leads");
    advance(Duration::from_secs(5)).await;
    backend.expire(&key).await.unwrap();
    let second = lead(&backend, &key).await.expect("the first is over");
    advance(Duration::from_secs(5)).await;
    assert_eq!(lead(&backend, &key).await, None);
    let set = async |token| {
        backend
            .set(&key, "v".into(), Ttl::from_secs(60), Some(token))
            .await
    };
    assert!(matches!(set(&first).await, Ok(Stored::Superseded(_))));
    assert_eq!(set(&second).await.unwrap(), Stored::Stored);
}
