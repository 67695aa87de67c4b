//! What a node does with a server that is there.

use cachekit_memcached::testkit::Server;
use tokio::runtime::Builder;

use super::*;
use crate::protocol::Reply;

/// Longer than a machine is ever busy.
const PATIENCE: Duration = Duration::from_secs(30);

fn node(server: &Server) -> Arc<Node> {
    let config = Config {
        connect_timeout: PATIENCE,
        timeout: PATIENCE,
        ..Config::default()
    };
    let server = server.address().parse().unwrap();
    Node::new(&server, &config, None, &Ejections::of(1))
}

async fn link(node: &Arc<Node>) {
    let deadline = Instant::now() + PATIENCE;
    node.link(deadline).await.unwrap();
}

#[tokio::test]
async fn a_node_is_called_at_once_only_where_nothing_is_to_be_done_or_looked_at_before() {
    let server = Server::start();
    let node = node(&server);
    let at_once = || node.with_link(|_| ()).is_some();
    assert!(!at_once(), "there is no connection");
    link(&node).await;
    assert!(at_once());
    assert!(node.owe(&Key::new(b"k").unwrap(), Debt::new()));
    assert!(!at_once(), "it is owed something");
    link(&node).await;
    assert!(at_once());
    node.slots.clear();
    assert!(!at_once(), "the connection is forgotten");
    link(&node).await;
    node.trust.doubt();
    assert!(!at_once(), "it is doubtful");
    link(&node).await;
    assert!(node.is_ready() && !at_once(), "it holds what may be old");
}

#[test]
fn each_of_several_runtimes_finds_its_connection_at_once() {
    let server = Server::start();
    let node = node(&server);
    let runtime = || Builder::new_current_thread().enable_all().build().unwrap();
    let runtimes = [runtime(), runtime()];
    for runtime in &runtimes {
        runtime.block_on(link(&node));
    }
    for runtime in &runtimes {
        assert!(runtime.block_on(async { node.with_link(|_| ()).is_some() }));
    }
}

#[tokio::test]
async fn a_reply_comes_although_its_connection_is_forgotten_and_nobody_holds_it() {
    let server = Server::start();
    let node = node(&server);
    link(&node).await;
    let deadline = Instant::now() + PATIENCE;
    let sent = node.with_link(|link| node.send(link, Request::Version, deadline));
    let sent = sent.expect("it is connected").unwrap();
    for link in node.slots.links() {
        node.slots.retire(&link);
    }
    assert!(matches!(sent.await.unwrap().reply(), Reply::Version(_)));
}
