//! What is counted.

use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Wake};

use super::*;

#[tokio::test(start_paused = true)]
async fn requests_replies_and_timeouts_are_counted() {
    let traffic = Traffic::new(&"node".into(), TIMEOUT);
    let (connection, mut peer) = Peer::telling(&traffic, 1 << 20);
    let (a, _b) = (send(&connection, "a"), send(&connection, "b"));
    settle().await;
    tokio::time::advance(TIMEOUT / 2).await;
    let before = traffic.stats();
    assert_eq!(
        (before.in_flight, before.requests, before.replies),
        (2, 2, 0)
    );
    assert!(before.bytes_in_flight > 0);
    let oldest = before.queue_age.unwrap();
    assert!(oldest.abs_diff(TIMEOUT / 2) <= Duration::from_micros(1));
    peer.reply(b"VA 1 O1\r\nA\r\n").await;
    assert_eq!(value(a.await), "A");
    tokio::time::advance(TIMEOUT).await;
    settle().await;
    peer.reply(b"EN O2\r\n").await;
    settle().await;
    let after = traffic.stats();
    assert_eq!((after.in_flight, after.bytes_in_flight), (0, 0));
    assert_eq!(
        (after.replies, after.timeouts, after.queue_age),
        (2, 1, None)
    );
    let buckets = after.latency.buckets();
    let counted: Vec<_> = buckets.filter(|(_, count)| *count > 0).collect();
    let below = |power: u32| Duration::from_micros(1 << power);
    assert_eq!(counted, [(below(19), 1), (below(21), 1)]);
}

#[tokio::test(start_paused = true)]
async fn connections_are_counted_and_those_that_are_lost_are_told_from_those_of_no_use() {
    let traffic = Traffic::new(&"node".into(), TIMEOUT);
    let count = || {
        let now = traffic.stats();
        (now.connections, now.opened, now.lost)
    };
    let (unused, mut its_peer) = Peer::telling(&traffic, 64);
    let (ended, peer) = Peer::telling(&traffic, 64);
    assert_eq!(count(), (2, 2, 0));
    drop(unused);
    its_peer.rest().await;
    settle().await;
    assert_eq!(count(), (1, 2, 0));
    drop(peer);
    settle().await;
    assert_eq!(count(), (0, 2, 1));
    assert!(!ended.is_open());
}

#[tokio::test(start_paused = true)]
async fn what_is_in_flight_when_a_connection_ends_is_in_flight_no_more() {
    let traffic = Traffic::new(&"node".into(), TIMEOUT);
    let (connection, peer) = Peer::telling(&traffic, 1 << 20);
    let a = send(&connection, "a");
    settle().await;
    drop(peer);
    assert_eq!(lost(a.await), Lost::Sent);
    assert_eq!(traffic.stats().in_flight, 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_is_known_to_be_large_from_its_last_value_on() {
    let traffic = Traffic::new(&"node".into(), TIMEOUT);
    let (connection, mut peer) = Peer::telling(&traffic, 1 << 20);
    for (opaque, length) in [(1, 100_000), (2, 1)] {
        let a = send(&connection, "a");
        peer.expect(&line("a", opaque)).await;
        let head = format!("VA {length} O{opaque}\r\n");
        peer.reply(&[head.as_bytes(), &vec![b'x'; length], b"\r\n"].concat())
            .await;
        assert_eq!(value(a.await).len(), length);
        assert_eq!(traffic.is_large(&get("a")), length > 1);
    }
}

/// Looks how many connections are open in the moment in which it is woken.
struct Witness {
    traffic: Arc<Traffic>,
    seen: OnceLock<usize>,
}

impl Wake for Witness {
    fn wake(self: Arc<Self>) {
        self.seen.get_or_init(|| self.traffic.connections());
    }
}

#[tokio::test(start_paused = true)]
async fn who_learns_that_a_connection_ended_finds_it_gone() {
    let traffic = Traffic::new(&"node".into(), TIMEOUT);
    let (connection, peer) = Peer::telling(&traffic, 1 << 20);
    let mut a = pin!(send(&connection, "a"));
    let witness = Arc::new(Witness {
        traffic,
        seen: OnceLock::new(),
    });
    let waker = Arc::clone(&witness).into();
    let mut context = Context::from_waker(&waker);
    assert!(a.as_mut().poll(&mut context).is_pending());
    drop(peer);
    settle().await;
    assert!(a.as_mut().poll(&mut context).is_ready());
    assert_eq!(witness.seen.get(), Some(&0));
}
