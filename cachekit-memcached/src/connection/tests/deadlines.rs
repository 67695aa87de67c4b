//! Callers whose time is over, and servers that do not keep up.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_caller_whose_time_is_over_is_told_and_its_reply_is_not_the_next_one() {
    let (connection, mut peer) = Peer::connected();
    let a = send(&connection, "a");
    let began = Instant::now();
    assert_eq!(lost(a.await), Lost::Late { sent: true });
    assert!(began.elapsed() < TIMEOUT * 3 / 2);
    let b = send(&connection, "b");
    peer.expect(&(line("a", 1) + &line("b", 2))).await;
    peer.reply(b"VA 1 O1\r\nA\r\nVA 1 O2\r\nB\r\n").await;
    assert_eq!(value(b.await), "B");
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_nothing_is_given_up_though_nobody_calls_any_more() {
    let (connection, mut peer) = Peer::connected();
    let began = Instant::now();
    drop(send(&connection, "a"));
    let a = send(&connection, "a");
    drop(a.await);
    peer.rest().await;
    let elapsed = began.elapsed();
    assert!(
        elapsed >= 2 * TIMEOUT && elapsed < 3 * TIMEOUT,
        "{elapsed:?}"
    );
    assert!(!connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_server_whose_replies_all_come_too_late_is_given_up() {
    let (connection, mut peer) = Peer::connected();
    let began = Instant::now();
    let mut opaque = 0;
    // Each request is answered, half a timeout after its caller went.
    while connection.is_open() {
        let (early, late) = (send(&connection, "a"), send(&connection, "b"));
        opaque += 2;
        tokio::time::advance(TIMEOUT * 3 / 2).await;
        drop((early.await, late.await));
        if peer
            .0
            .write_all(format!("EN O{}\r\n", opaque - 1).as_bytes())
            .await
            .is_err()
        {
            break;
        }
        settle().await;
    }
    assert!(began.elapsed() <= 4 * TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_takes_no_bytes_holds_nobody_up() {
    let (connection, peer) = Peer::behind(8);
    let (written, queued) = (ask(&connection, set("a")).unwrap(), send(&connection, "b"));
    settle().await;
    let behind = ask(&connection, set("c")).unwrap();
    assert_eq!(lost(written.await), Lost::Late { sent: true });
    assert_eq!(lost(queued.await), Lost::Late { sent: true });
    assert_eq!(lost(behind.await), Lost::Late { sent: false });
    drop(peer);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_late_from_the_start_is_not_written() {
    let (connection, mut peer) = Peer::connected();
    let late = connection.send(get("a"), Instant::now()).unwrap();
    assert_eq!(lost(late.await), Lost::Late { sent: false });
    let b = send(&connection, "b");
    peer.expect(&line("b", 2)).await;
    peer.reply(b"EN O2\r\n").await;
    assert!(b.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn deadlines_are_kept_in_their_own_order() {
    let (connection, _peer) = Peer::connected();
    let began = Instant::now();
    let send = |after| connection.send(get("a"), began + after).unwrap();
    let (late, early) = (send(TIMEOUT), send(TIMEOUT / 10));
    assert_eq!(lost(early.await), Lost::Late { sent: true });
    assert!(began.elapsed() < TIMEOUT / 5);
    assert_eq!(lost(late.await), Lost::Late { sent: true });
    assert!(began.elapsed() >= TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn a_spare_connection_ends_when_it_was_not_used_for_a_while_and_no_other_does() {
    let (first, mut answering) = Peer::connected();
    let (spare, mut peer) = Peer::connected();
    spare.close_when_idle();
    let (b, a) = (send(&first, "a"), send(&spare, "a"));
    peer.expect(&line("a", 1)).await;
    peer.reply(b"EN O1\r\n").await;
    answering.reply(b"EN O1\r\n").await;
    assert!(a.await.is_ok() && b.await.is_ok());
    let began = Instant::now();
    peer.rest().await;
    let elapsed = began.elapsed();
    assert!(
        elapsed >= Duration::from_secs(29) && elapsed < Duration::from_secs(32),
        "{elapsed:?}"
    );
    assert!(!spare.is_open() && first.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_answers_nothing_is_given_up_though_all_callers_go_before_their_time() {
    let (connection, _peer) = Peer::connected();
    let began = Instant::now();
    while connection.is_open() && began.elapsed() < 10 * TIMEOUT {
        let impatient = send(&connection, "a");
        let _ = tokio::time::timeout(TIMEOUT / 4, impatient).await;
    }
    let elapsed = began.elapsed();
    assert!(
        elapsed >= 2 * TIMEOUT && elapsed <= 3 * TIMEOUT,
        "{elapsed:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_was_late_in_the_queue_makes_room_at_once() {
    let traffic = Traffic::new(&"node".into(), TIMEOUT);
    let (connection, _peer) = Peer::telling(&traffic, 8);
    let written = ask(&connection, set("a")).unwrap();
    settle().await;
    let queued = send(&connection, "b");
    assert_eq!(lost(written.await), Lost::Late { sent: true });
    assert_eq!(lost(queued.await), Lost::Late { sent: false });
    assert_eq!(traffic.stats().in_flight, 1);
}
