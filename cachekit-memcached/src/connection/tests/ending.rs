//! How a connection ends, and what those learn who wait.

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use super::*;

const ROUNDS: usize = 50;
const SENDERS: usize = 4;

fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(2).enable_all().build().unwrap()
}

/// Queues requests until no more are taken.
fn queue(connection: &Connection) -> Vec<Exchange> {
    // Longer than a machine is ever busy: nobody is late.
    let deadline = Instant::now() + 60 * TIMEOUT;
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
                let outcome = timeout(30 * TIMEOUT, exchange).await;
                let lost = outcome.expect("nobody waits for ever").unwrap_err();
                assert!(matches!(lost, Lost::Sent | Lost::Unsent), "{lost:?}");
            }
        });
        assert!(!connection.is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_not_written_when_the_connection_ends_is_known_to_be_unsent() {
    let (connection, peer) = Peer::behind(8);
    let written = ask(&connection, set("a")).unwrap();
    settle().await;
    let queued = ask(&connection, set("b")).unwrap();
    drop(peer);
    assert_eq!(lost(written.await), Lost::Sent);
    assert_eq!(lost(queued.await), Lost::Unsent);
}

#[tokio::test(start_paused = true)]
async fn the_socket_closes_when_the_last_handle_is_gone() {
    let (connection, mut peer) = Peer::connected();
    drop(connection.clone());
    settle().await;
    assert!(connection.is_open());
    drop(connection);
    assert_eq!(peer.rest().await, "");
}

#[tokio::test(start_paused = true)]
async fn the_socket_closes_after_the_replies_that_are_waited_for() {
    let (connection, mut peer) = Peer::connected();
    let a = send(&connection, "a");
    drop(connection);
    peer.expect(&line("a", 1)).await;
    peer.reply(b"VA 1 O1\r\nA\r\n").await;
    assert_eq!(value(a.await), "A");
    assert_eq!(peer.rest().await, "");
}

#[test]
fn a_runtime_that_ends_fails_what_was_in_flight() {
    let runtime = || {
        let mut builder = Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    let first = runtime();
    let (connection, written, queued, peer) = first.block_on(async {
        let (connection, mut peer) = Peer::connected();
        let written = send(&connection, "a");
        peer.expect(&line("a", 1)).await;
        let queued = send(&connection, "b");
        (connection, written, queued, peer)
    });
    drop(first);
    assert!(!connection.is_open());
    runtime().block_on(async {
        assert_eq!(lost(written.await), Lost::Sent);
        assert_eq!(lost(queued.await), Lost::Unsent);
    });
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_comes_before_its_request_is_written_whole_holds_nothing_open() {
    let traffic = Traffic::new(&"node".into(), TIMEOUT);
    let (connection, mut peer) = Peer::telling(&traffic, 8);
    let refused = ask(&connection, set("a")).unwrap();
    settle().await;
    peer.reply(b"SERVER_ERROR object too large for cache\r\n")
        .await;
    assert!(refused.await.is_ok());
    peer.expect("ms a 1 T2592000 O1\r\nv\r\n").await;
    settle().await;
    let after = traffic.stats();
    assert_eq!((after.in_flight, after.queue_age), (0, None));

    let b = send(&connection, "b");
    peer.expect(&line("b", 2)).await;
    peer.reply(b"EN O2\r\n").await;
    assert!(b.await.is_ok());
    drop(connection);
    let closed = timeout(TIMEOUT / 2, peer.rest()).await;
    assert_eq!(closed.expect("nothing is waited for"), "");
}
