//! A connection that ends while requests are queued.

use tokio::runtime::{Builder, Runtime};
use tokio::time::{Instant, timeout};

use super::{Exchange, Lost, Peer, TIMEOUT, get};
use crate::connection::Connection;

const ROUNDS: usize = 50;
const SENDERS: usize = 4;

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// Queues requests until no more are taken.
fn queue(connection: &Connection) -> Vec<Exchange> {
    let deadline = Instant::now() + TIMEOUT;
    let mut queued = Vec::new();
    while let Ok(exchange) = connection.send(get("a"), deadline) {
        queued.push(exchange);
    }
    queued
}

#[test]
fn what_is_queued_in_the_moment_in_which_a_connection_ends_is_told_so() {
    let runtime = runtime();
    for _ in 0..ROUNDS {
        let (connection, peer) = runtime.block_on(async { Peer::connected() });
        let queued: Vec<Exchange> = std::thread::scope(|scope| {
            let queueing = || queue(&connection);
            let senders: Vec<_> = (0..SENDERS).map(|_| scope.spawn(queueing)).collect();
            drop(peer);
            let queued = senders.into_iter().map(|sender| sender.join().unwrap());
            queued.flatten().collect()
        });
        // The handle lives on, as that of a caller does who waits.
        runtime.block_on(async {
            for exchange in queued {
                let outcome = timeout(10 * TIMEOUT, exchange).await;
                let lost = outcome.expect("nobody waits for ever").unwrap_err();
                assert!(matches!(lost, Lost::Sent | Lost::Unsent), "{lost:?}");
            }
        });
        assert!(!connection.is_open());
    }
}
