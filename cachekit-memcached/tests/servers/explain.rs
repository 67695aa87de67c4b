//! What is told of an entry, on servers.

use std::sync::Arc;

use cachekit_core::cache::explanation::Outcome;
use cachekit_core::cache::{Cache, Function, Key};
use cachekit_memcached::testkit::Server;

use super::backend;

static USERS: Function = Function::new("tests::servers", "explained");

#[tokio::test]
async fn an_explanation_names_the_server_that_has_the_entry() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let process = || {
        Cache::builder()
            .backend(Arc::new(backend(&servers)))
            .build()
    };
    let stored = || servers.each_ref().map(|server| server.stat("curr_items"));
    let cache = process();
    let key = |id: u64| -> Key<String> { USERS.key(&id).unwrap() };
    cache.set(&key(0), "user 0".to_owned()).await.unwrap(); // notes the release as well
    for id in 1..20 {
        let before = stored();
        let key = key(id);
        cache.set(&key, format!("user {id}")).await.unwrap();
        let has_it = (0..3).find(|&at| stored()[at] > before[at]).unwrap();
        let explanation = process().explain(&key).await;
        assert_eq!(explanation.outcome, Outcome::Hit);
        let owner = explanation.stored.unwrap().owner.unwrap();
        assert_eq!(owner, servers[has_it].address());
    }
}
