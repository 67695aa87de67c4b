//! The addresses of a name. They may change while a process runs: a server that moves keeps its
//! name.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::{Instant, sleep, timeout_at};

use super::{Link, Node};

/// How often a name is looked up while there is a connection to one of its addresses. Beside that,
/// it is looked up for each new connection.
const INTERVAL: Duration = Duration::from_secs(30);

/// What looks names up.
#[async_trait]
pub(crate) trait Resolve: fmt::Debug + Send + Sync {
    /// The addresses of `host`, the preferred one first.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// The resolver of the platform.
#[derive(Debug)]
pub(crate) struct Platform;

#[async_trait]
impl Resolve for Platform {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(tokio::net::lookup_host((host, port)).await?.collect())
    }
}

/// A name, and the addresses that it had when it was last found.
#[derive(Debug)]
pub(super) struct Names {
    host: String,
    port: u16,
    resolver: Arc<dyn Resolve>,
    known: Mutex<Vec<SocketAddr>>,
}

impl Names {
    pub(super) fn new(host: &str, port: u16, resolver: Arc<dyn Resolve>) -> Self {
        Self {
            host: host.to_owned(),
            port,
            resolver,
            known: Mutex::default(),
        }
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// Whether it is a name, and no address that is written out.
    pub(super) fn may_move(&self) -> bool {
        self.host.parse::<IpAddr>().is_err()
    }

    /// Looks the name up. Where that fails, or has not come to an end in half of the time until
    /// `deadline`, the addresses from before are used: that a name is not found does not mean
    /// that its server is away.
    pub(super) async fn addresses(&self, deadline: Instant) -> io::Result<Vec<SocketAddr>> {
        let known = self.known().clone();
        if known.is_empty() {
            return self.look_up().await;
        }
        let half = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 2;
        match timeout_at(half, self.look_up()).await {
            Ok(Ok(addresses)) => Ok(addresses),
            _ => Ok(known),
        }
    }

    /// Whether the name is found and `peer` is none of its addresses.
    pub(super) async fn have_left(&self, peer: SocketAddr) -> bool {
        self.look_up()
            .await
            .is_ok_and(|addresses| !addresses.contains(&peer))
    }

    async fn look_up(&self) -> io::Result<Vec<SocketAddr>> {
        let addresses = self.resolver.resolve(&self.host, self.port).await?;
        if addresses.is_empty() {
            return Err(io::Error::other("a name without addresses"));
        }
        self.known().clone_from(&addresses);
        Ok(addresses)
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Vec<SocketAddr>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks up the name of `node` again and again while `link` lives, which leads to `peer`. When the
/// name leads elsewhere, new callers get a new connection; those who wait for a reply on this one
/// still get it.
pub(super) async fn watch(node: Weak<Node>, link: Weak<Link>, peer: SocketAddr) {
    loop {
        sleep(INTERVAL).await;
        let Some(node) = node.upgrade() else { return };
        if !is_open(&link) {
            return;
        }
        if node.dialer.has_moved(peer).await {
            if let Some(link) = link.upgrade() {
                node.tell_moved(peer);
                node.slots.retire(&link);
            }
            return;
        }
    }
}

fn is_open(link: &Weak<Link>) -> bool {
    link.upgrade().is_some_and(|link| link.connection.is_open())
}

#[cfg(all(test, unix))]
mod tests {
    use cachekit_memcached::testkit::Server;
    use tokio::time::{advance, pause, resume};

    use super::*;
    use crate::config::Config;
    use crate::node::Ejections;
    use crate::protocol::Request;

    /// Answers with what a test says; `None`: not found.
    #[derive(Debug)]
    struct Told(Mutex<Option<Vec<SocketAddr>>>);

    impl Told {
        fn new(addresses: &[SocketAddr]) -> Arc<Self> {
            Arc::new(Self(Mutex::new(Some(addresses.to_vec()))))
        }

        fn now(&self, addresses: Option<Vec<SocketAddr>>) {
            *self.0.lock().unwrap() = addresses;
        }
    }

    #[async_trait]
    impl Resolve for Told {
        async fn resolve(&self, _: &str, _: u16) -> io::Result<Vec<SocketAddr>> {
            self.0
                .lock()
                .unwrap()
                .clone()
                .ok_or_else(|| io::Error::other("not found"))
        }
    }

    fn address(server: &Server) -> SocketAddr {
        server.address().parse().unwrap()
    }

    fn node(resolver: &Arc<Told>) -> Arc<Node> {
        let server = "mc.example.com".parse().unwrap();
        let resolver = Arc::clone(resolver);
        Node::with_resolver(
            &server,
            &Config::default(),
            None,
            &Ejections::of(1),
            resolver,
        )
    }

    async fn link(node: &Arc<Node>) -> Arc<Link> {
        node.link(deadline()).await.unwrap()
    }

    fn deadline() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    /// Lets the time of one look at the name go by.
    async fn interval() {
        pause();
        advance(INTERVAL + Duration::from_millis(1)).await;
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        resume();
    }

    #[tokio::test]
    async fn a_server_that_moves_is_found_while_the_old_one_still_answers() {
        let (before, after) = (Server::start(), Server::start());
        let resolver = Told::new(&[address(&before)]);
        let node = node(&resolver);
        let old = link(&node).await;
        interval().await;
        assert!(Arc::ptr_eq(&old, &link(&node).await));

        resolver.now(Some(vec![address(&after)]));
        interval().await;
        let new = link(&node).await;
        assert_ne!(old.greeting.run, new.greeting.run);
        let late = node.call(&old, Request::Noop, deadline()).await;
        assert!(late.is_ok(), "replies on the old connection still come");
    }

    #[tokio::test]
    async fn a_name_that_is_not_found_any_more_changes_nothing() {
        let server = Server::start();
        let resolver = Told::new(&[address(&server)]);
        let node = node(&resolver);
        let old = link(&node).await;
        resolver.now(None);
        interval().await;
        assert!(Arc::ptr_eq(&old, &link(&node).await));
        node.slots.clear();
        let again = link(&node).await;
        assert_eq!(old.greeting.run, again.greeting.run);
    }

    #[tokio::test]
    async fn a_server_that_is_started_anew_elsewhere_is_found_at_once() {
        let (before, after) = (Server::start(), Server::start());
        let resolver = Told::new(&[address(&before)]);
        let node = node(&resolver);
        let old = link(&node).await;
        resolver.now(Some(vec![address(&after)]));
        drop(before);
        while old.connection.is_open() {
            let _ = node.call(&old, Request::Noop, deadline()).await;
        }
        assert_ne!(old.greeting.run, link(&node).await.greeting.run);
    }

    #[tokio::test]
    async fn a_connection_that_nobody_uses_any_more_is_not_kept_open_by_the_watch() {
        let server = Server::start();
        let node = node(&Told::new(&[address(&server)]));
        let old = Arc::downgrade(&link(&node).await);
        node.slots.clear();
        assert!(old.upgrade().is_none());
    }

    #[test]
    fn only_names_move() {
        let may_move = |host| Names::new(host, 1, Told::new(&[])).may_move();
        assert!(may_move("localhost"));
        assert!(!may_move("127.0.0.1"));
        assert!(!may_move("::1"));
    }
}
