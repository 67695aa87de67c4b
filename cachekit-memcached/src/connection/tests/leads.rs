//! Leads that nobody takes.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_lead_that_comes_to_a_caller_that_is_gone_is_handed_back() {
    let (connection, mut peer) = Peer::connected();
    let (stub, stale) = (send(&connection, "stub"), send(&connection, "stale"));
    let fresh = send(&connection, "fresh");
    peer.expect(&(line("stub", 1) + &line("stale", 2) + &line("fresh", 3)))
        .await;
    drop((stub, stale, fresh));
    peer.reply(b"VA 0 O1 t30 c5 f0 W\r\n\r\nVA 1 O2 t30 c6 f0 X W\r\nv\r\n")
        .await;
    peer.reply(b"VA 1 O3 t30 c7 f0 W\r\nv\r\n").await;
    peer.expect("md stub C5 O4\r\nmd stale I C6 O5\r\nms fresh 0 T2592000 C7 MA O6\r\n\r\n")
        .await;
    peer.reply(b"HD O4\r\nEX O5\r\nHD O6\r\n").await;
    settle().await;
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_lead_that_nobody_looks_at_is_handed_back_and_one_that_is_kept_is_not() {
    let (connection, mut peer) = Peer::connected();
    let reply = |opaque: u32| format!("VA 0 O{opaque} t30 c{opaque} f0 W\r\n\r\n");
    let received = send(&connection, "received");
    peer.expect(&line("received", 1)).await;
    peer.reply(reply(1).as_bytes()).await;
    settle().await;
    drop(received);
    peer.expect("md received C1 O2\r\n").await;
    peer.reply(b"HD O2\r\n").await;

    let answered = send(&connection, "answered");
    peer.expect(&line("answered", 3)).await;
    peer.reply(reply(3).as_bytes()).await;
    drop(answered.await);
    peer.expect("md answered C3 O4\r\n").await;
    peer.reply(b"HD O4\r\n").await;

    let kept = send(&connection, "kept");
    peer.expect(&line("kept", 5)).await;
    peer.reply(reply(5).as_bytes()).await;
    kept.await.unwrap().keep();
    drop(connection);
    assert_eq!(peer.rest().await, "");
}
