//! Callers that go away before they have what they asked for.

use bytes::Bytes;
use cachekit_core::backend::{Backend as _, Lead, Want};
use cachekit_memcached::testkit::Server;

use super::{LEAD, TTL, backend, key};

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
