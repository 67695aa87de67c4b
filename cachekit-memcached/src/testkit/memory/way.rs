//! What lies between a client and a server.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{
    AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, DuplexStream, ReadBuf, duplex,
};
use tokio::sync::watch;
use tokio::task::AbortHandle;
use tokio::time::sleep;

use super::{Delays, Machine};
use crate::testkit::Session;

/// As many bytes are on their way at most.
const ON_THE_WAY: usize = 64 * 1024;
/// What the names of ways end in, which no name of a machine does (RFC 6761).
const DOMAIN: &str = "memory.test";

/// Where the ways of this process lead.
static PATHS: Mutex<BTreeMap<String, Weak<Path>>> = Mutex::new(BTreeMap::new());

/// The way on which `host` lies, if it is the name of one.
pub(crate) fn path_to(host: &str) -> Option<Arc<Path>> {
    all_paths().get(host)?.upgrade()
}

fn all_paths() -> MutexGuard<'static, BTreeMap<String, Weak<Path>>> {
    PATHS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A way from one client to one server: what breaks on it breaks for nobody else. It is gone when
/// this and the client are dropped.
#[derive(Debug)]
pub struct Way {
    host: String,
    path: Arc<Path>,
}

impl Way {
    pub(super) fn to(machine: &Arc<Machine>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let host = format!("way-{number}.{DOMAIN}");
        let path = Arc::new(Path {
            machine: Arc::clone(machine),
            cut: watch::Sender::new(false),
            delays: Mutex::default(),
            connections: Mutex::default(),
        });
        all_paths().insert(host.clone(), Arc::downgrade(&path));
        Self { host, path }
    }

    pub(super) fn path(&self) -> Weak<Path> {
        Arc::downgrade(&self.path)
    }

    /// Where the server is for a client that takes this way, in the form of
    /// `CACHEKIT_MEMCACHED_SERVERS`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}={}", self.path.machine.name, self.host)
    }

    /// Lets nothing pass from now on, or again. What the client has given up by then is lost, as
    /// it is with a connection that is cut; the rest arrives late.
    pub fn cut(&self, cut: bool) {
        self.path.cut.send_replace(cut);
    }

    /// Ends all connections.
    pub fn hang_up(&self) {
        self.path.hang_up();
    }

    /// Asks `delays` from now on how long the next request, reply or connection takes. What comes
    /// together travels together, and nothing overtakes. Default: no time at all.
    pub fn delay(&self, delays: impl FnMut() -> Duration + Send + 'static) {
        *self.path.delays() = Some(Box::new(delays));
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        all_paths().remove(&self.host);
    }
}

/// The way as both ends see it.
pub(crate) struct Path {
    machine: Arc<Machine>,
    cut: watch::Sender<bool>,
    delays: Mutex<Option<Delays>>,
    connections: Mutex<Vec<AbortHandle>>,
}

impl Path {
    /// Connects.
    ///
    /// Cancel safety: nothing is left behind.
    pub(crate) async fn dial(self: &Arc<Self>) -> io::Result<Socket> {
        let closed = Arc::new(AtomicBool::new(false));
        self.pass(&closed).await?;
        // It may not run.
        self.machine.answer(&mut Session::new(), b"")?;
        let (near, far) = duplex(ON_THE_WAY);
        let path = Arc::clone(self);
        let told = Arc::clone(&closed);
        let connection = tokio::spawn(async move {
            // Whoever is at the other end learns that it is over.
            let _ = path.serve(far, &told).await;
        });
        let mut connections = self.connections();
        connections.retain(|connection| !connection.is_finished());
        connections.push(connection.abort_handle());
        Ok(Socket {
            stream: near,
            closed,
        })
    }

    async fn serve(&self, mut stream: DuplexStream, closed: &AtomicBool) -> io::Result<()> {
        let mut session = Session::new();
        let mut requests = Vec::with_capacity(ON_THE_WAY);
        while stream.read_buf(&mut requests).await? > 0 {
            self.pass(closed).await?;
            let replies = self.machine.answer(&mut session, &requests)?;
            requests.clear();
            self.pass(closed).await?;
            stream.write_all(&replies).await?;
        }
        Ok(())
    }

    /// For as long as it takes to come through.
    ///
    /// # Errors
    /// The client has given up meanwhile what was held back.
    async fn pass(&self, closed: &AtomicBool) -> io::Result<()> {
        let delay = self.delays().as_mut().map_or(Duration::ZERO, |next| next());
        sleep(delay).await;
        let mut cut = self.cut.subscribe();
        let was_cut = *cut.borrow_and_update();
        // It lives as long as this.
        let _ = cut.wait_for(|cut| !cut).await;
        if was_cut && closed.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        Ok(())
    }

    pub(super) fn hang_up(&self) {
        for connection in self.connections().drain(..) {
            connection.abort();
        }
    }

    fn delays(&self) -> MutexGuard<'_, Option<Delays>> {
        self.delays.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn connections(&self) -> MutexGuard<'_, Vec<AbortHandle>> {
        let connections = self.connections.lock();
        connections.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cut, .. } = self;
        f.debug_struct("Path")
            .field("cut", &*cut.borrow())
            .finish_non_exhaustive()
    }
}

/// The client's end of a connection.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: DuplexStream,
    closed: Arc<AtomicBool>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
