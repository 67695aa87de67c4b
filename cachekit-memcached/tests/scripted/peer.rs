//! A server that keeps to a script: a real one behind a relay, which changes what it says.
//!
//! Every reply is thereby one that memcached gives, whatever command is sent. The relay has a
//! thread and a runtime of its own: it goes on when those of a test do not.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::key::StoreKey;
use cachekit_memcached::testkit::Server;
use cachekit_memcached::{Config, Memcached};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::sync::Notify;

use super::relay;
use super::script::{Scene, Script};

/// What the server says it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Release {
    /// 1.6.18 or later, as installed.
    Installed,
    /// One whose misses carry no opaque.
    V1_6_15,
    /// One without meta commands.
    V1_5_16,
}

/// A real server, and the relay before it.
#[derive(Debug)]
pub(crate) struct Peer {
    server: Server,
    release: Release,
    address: SocketAddr,
    scene: Arc<Scene>,
    ended: Arc<Notify>,
    thread: Option<JoinHandle<()>>,
}

impl Peer {
    pub(crate) fn start() -> Self {
        Self::of(Release::Installed)
    }

    pub(crate) fn of(release: Release) -> Self {
        let server = Server::with_args(&["-I", "16m"]);
        // CAS numbers of six digits, so that replies to one call have one length every time.
        let sets = "set k 0 0 1 noreply\r\nv\r\n".repeat(100_000);
        let _ = server.command(&(sets + "delete k noreply\r\nmn"), "MN\r\n");
        let (scene, ended) = (Arc::new(Scene::default()), Arc::new(Notify::new()));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("a bound socket");
        let relayed = relay_all(listener, server.address(), release, Arc::clone(&scene));
        let over = Arc::clone(&ended);
        let thread = std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                tokio::select! {
                    () = relayed => {}
                    () = over.notified() => {}
                }
            });
        });
        Self {
            server,
            release,
            address,
            scene,
            ended,
            thread: Some(thread),
        }
    }

    /// Many failures in a row do not take this server down: a test wants to see the next one. A
    /// machine that is busy is no reason for a timeout.
    pub(crate) fn config(&self) -> Config {
        Config {
            retry_attempts: 10,
            timeout: Duration::from_secs(15),
            connect_timeout: Duration::from_secs(15),
            ..Config::of_servers([self.address.to_string()]).unwrap()
        }
    }

    pub(crate) fn backend(&self) -> Memcached {
        Memcached::new(self.config()).unwrap()
    }

    /// What it does from now on. Bytes are counted from here.
    pub(crate) fn follow(&self, script: Script) {
        self.scene.begin(script);
    }

    /// Whether it knows the meta commands.
    pub(crate) fn speaks_meta(&self) -> bool {
        self.release != Release::V1_5_16
    }

    pub(crate) fn scene(&self) -> &Scene {
        &self.scene
    }

    /// Puts these values there and removes all others, past the relay.
    pub(crate) fn hold(&self, values: &[(&StoreKey, Bytes)]) {
        let mut lines = "flush_all noreply\r\n".to_owned();
        for (key, value) in values {
            let value = std::str::from_utf8(value).unwrap();
            let (key, length) = (key.as_str(), value.len());
            lines += &format!("set {key} 0 300 {length} noreply\r\n{value}\r\n");
        }
        let _ = self.server.command(&(lines + "mn"), "MN\r\n");
    }

    /// Adds one.
    pub(crate) fn put(&self, key: &StoreKey, value: &str) {
        let set = format!("set {} 0 300 {}\r\n{value}", key.as_str(), value.len());
        let _ = self.server.command(&set, "STORED\r\n");
    }

    /// The number of what is there, past the relay: another one after each write.
    pub(crate) fn cas(&self, key: &StoreKey) -> Option<u64> {
        let reply = self
            .server
            .command(&format!("mg {} c", key.as_str()), "\r\n");
        let mut words = reply.split_ascii_whitespace();
        let cas = words.find_map(|word| word.strip_prefix('c'))?;
        Some(cas.parse().unwrap())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.ended.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn relay_all(listener: TcpListener, server: String, release: Release, scene: Arc<Scene>) {
    let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
    while let Ok((ours, _)) = listener.accept().await {
        let (server, scene) = (server.clone(), Arc::clone(&scene));
        tokio::spawn(async move {
            let Ok(theirs) = TcpStream::connect(server).await else {
                return;
            };
            let _ = (ours.set_nodelay(true), theirs.set_nodelay(true));
            relay::run(ours, theirs, release, &scene).await;
        });
    }
}
