//! Callers that go away before their reply.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_caller_that_is_gone_when_its_reply_comes_leaves_it_to_nobody() {
    // Where the caller of `a` goes: after so many bytes of its reply.
    let reply = b"VA 1 O1\r\nA\r\n";
    for cut in 0..=reply.len() {
        let (connection, mut peer) = Peer::connected();
        let a = send(&connection, "a");
        peer.expect(&line("a", 1)).await;
        peer.reply(&reply[..cut]).await;
        settle().await;
        drop(a);
        let b = send(&connection, "b");
        peer.reply(&reply[cut..]).await;
        peer.expect(&line("b", 2)).await;
        peer.reply(b"VA 1 O2\r\nB\r\n").await;
        assert_eq!(value(b.await), "B", "cut at {cut}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_while_the_socket_takes_no_bytes_sends_nothing() {
    let (connection, mut peer) = Peer::behind(8);
    let a = send(&connection, "a");
    settle().await;
    let gone = (send(&connection, "gone"), ask(&connection, set("gone")));
    settle().await;
    drop(gone);
    let b = send(&connection, "b");
    peer.expect(&(line("a", 1) + &line("b", 4))).await;
    peer.reply(b"EN O1\r\nEN O4\r\n").await;
    assert!(a.await.is_ok() && b.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_while_its_request_is_half_written_disturbs_no_one() {
    let (connection, mut peer) = Peer::behind(8);
    let a = send(&connection, "a");
    settle().await;
    drop(a);
    let b = send(&connection, "b");
    peer.expect(&line("a", 1)).await;
    peer.expect(&line("b", 2)).await;
    peer.reply(b"VA 1 O1\r\nA\r\n").await;
    peer.reply(b"VA 1 O2\r\nB\r\n").await;
    assert_eq!(value(b.await), "B");
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_forgets_its_exchange_disturbs_no_one() {
    let (connection, mut peer) = Peer::connected();
    std::mem::forget(send(&connection, "a"));
    let b = send(&connection, "b");
    peer.expect(&(line("a", 1) + &line("b", 2))).await;
    peer.reply(b"VA 1 O1\r\nA\r\nVA 1 O2\r\nB\r\n").await;
    assert_eq!(value(b.await), "B");
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_for_callers_that_went_however_much_they_had_queued() {
    let (connection, mut peer) = Peer::behind(8);
    let a = send(&connection, "a");
    settle().await;
    // More than one write takes.
    let gone: Vec<_> = (0..20_000).map(|_| send(&connection, "gone")).collect();
    drop(gone);
    let b = send(&connection, "b");
    peer.expect(&(line("a", 1) + &line("b", 20_002))).await;
    peer.reply(b"EN O1\r\nEN O20002\r\n").await;
    assert!(a.await.is_ok() && b.await.is_ok());
}
