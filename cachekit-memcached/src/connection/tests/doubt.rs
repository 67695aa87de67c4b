//! Replies that leave a doubt about whose they are, and those that leave none.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_doubt_about_whose_reply_it_is_ends_the_connection() {
    let doubtful: [&[u8]; 9] = [
        b"VA 1 O9\r\nA\r\n",
        b"VA 1\r\nA\r\n",
        b"HD O2\r\n",
        b"HD\r\n",
        b"EN O2\r\n",
        b"MN\r\n",
        b"VERSION 1.6.18\r\n",
        b"what?\r\n",
        b"VA 99999999999 O1\r\n",
    ];
    for reply in doubtful {
        let (connection, mut peer) = Peer::connected();
        let (a, b) = (send(&connection, "a"), send(&connection, "b"));
        peer.expect(&(line("a", 1) + &line("b", 2))).await;
        peer.reply(reply).await;
        assert_eq!((lost(a.await), lost(b.await)), (Lost::Sent, Lost::Sent));
        assert_eq!(peer.rest().await, "", "the socket is closed");
        assert!(!connection.is_open());
        assert_eq!(ask(&connection, get("c")).err(), Some(Lost::Unsent));
    }
}

#[tokio::test(start_paused = true)]
async fn a_miss_without_an_opaque_is_one() {
    let (connection, mut peer) = Peer::connected();
    let a = send(&connection, "a");
    peer.expect(&line("a", 1)).await;
    peer.reply(b"EN\r\n").await;
    assert!(a.await.unwrap().meta().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_reply_that_nobody_asked_for_ends_the_connection() {
    let (connection, mut peer) = Peer::connected();
    peer.reply(b"HD O1\r\n").await;
    assert_eq!(peer.rest().await, "");
    assert!(!connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_at_any_byte_never_leaves_a_part_for_the_whole() {
    let reply = b"VA 5 O1 t30 c2 f0\r\nhello\r\n";
    for cut in 0..reply.len() {
        let (connection, mut peer) = Peer::connected();
        let a = send(&connection, "a");
        peer.expect(&line("a", 1)).await;
        peer.reply(&reply[..cut]).await;
        drop(peer);
        assert_eq!(lost(a.await), Lost::Sent, "cut at {cut}");
        assert!(!connection.is_open());
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_not_understood_ends_the_connection_and_its_caller_is_told() {
    for text in ["CLIENT_ERROR bad", "ERROR"] {
        let (connection, mut peer) = Peer::connected();
        let (a, b) = (send(&connection, "a"), send(&connection, "b"));
        peer.expect(&(line("a", 1) + &line("b", 2))).await;
        peer.reply(format!("{text}\r\nVA 1 O2\r\nB\r\n").as_bytes())
            .await;
        assert!(matches!(a.await.unwrap().reply(), Reply::Refused(_)));
        assert_eq!(lost(b.await), Lost::Sent);
        assert!(!connection.is_open());
        let stats = connection.handles.shared.traffic.stats();
        assert_eq!((stats.refused_requests, stats.replies), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_error_is_a_reply_like_any_other() {
    let (connection, mut peer) = Peer::connected();
    let (a, b) = (ask(&connection, set("a")).unwrap(), send(&connection, "b"));
    peer.expect("ms a 1 T2592000 O1\r\nv\r\n").await;
    peer.reply(b"SERVER_ERROR out of memory storing object\r\nEN O2\r\n")
        .await;
    assert!(matches!(a.await.unwrap().reply(), Reply::ServerError(_)));
    assert!(b.await.is_ok());
    assert!(connection.is_open());
}

#[tokio::test(start_paused = true)]
async fn a_proxy_may_refuse_to_tell_its_version_and_statistics() {
    let (connection, mut peer) = Peer::connected();
    let version = ask(&connection, Request::Version).unwrap();
    let stats = ask(&connection, Request::Stats(Statistics::General)).unwrap();
    let noop = ask(&connection, Request::Noop).unwrap();
    peer.expect("version\r\nstats\r\nmn\r\n").await;
    peer.reply(b"ERROR\r\nERROR\r\nMN\r\n").await;
    assert!(matches!(version.await.unwrap().reply(), Reply::Refused(_)));
    assert!(matches!(stats.await.unwrap().reply(), Reply::Refused(_)));
    assert_eq!(noop.await.unwrap().reply(), &Reply::Noop);
}
