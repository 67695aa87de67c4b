//! Servers in memory that the client reaches as it reaches any other, by an address.

mod way;

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::Instant;

use super::{MetaServer, Options, Session};
pub use way::Way;
pub(crate) use way::{Path, path_to};

/// What the clock of a server shows when it is started first.
const FIRST_SECOND: u64 = 1_800_000_000;

/// A [`MetaServer`] on the clock of the tokio runtime, which a test may pause. Clients reach it over
/// [ways](Self::way), each of which may be slow or cut.
///
/// ```
/// use cachekit_memcached::testkit::{MemoryServer, Options};
/// use cachekit_memcached::{Client, Config, Ttl};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> cachekit_memcached::Result<()> {
/// let server = MemoryServer::start("one", Options::default());
/// let way = server.way();
/// let client = Client::new(Config::of_servers([way.address()])?)?;
/// client.set("greeting", "hello", Ttl::from_secs(60)).await?;
/// server.kill();
/// server.restart(); // empty
/// assert_eq!(client.get("greeting").await?, None);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct MemoryServer(Arc<Machine>);

/// What runs a server, or does not.
#[derive(Debug)]
struct Machine {
    name: String,
    options: Options,
    switched_on: Instant,
    runs: AtomicU64,
    running: Mutex<Option<MetaServer>>,
    paths: Mutex<Vec<Weak<Path>>>,
}

impl MemoryServer {
    /// Starts a server whose keys are placed by `name`. Of `options`, the start and the process id
    /// are its own.
    #[must_use]
    pub fn start(name: &str, options: Options) -> Self {
        let machine = Machine {
            name: name.to_owned(),
            options,
            switched_on: Instant::now(),
            runs: AtomicU64::new(0),
            running: Mutex::default(),
            paths: Mutex::default(),
        };
        machine.start();
        Self(Arc::new(machine))
    }

    /// A way to it, with an address of its own.
    #[must_use]
    pub fn way(&self) -> Way {
        let way = Way::to(&self.0);
        self.0.paths().push(way.path());
        way
    }

    /// Ends it, and all connections; what it holds is gone. Connections are refused from now on.
    pub fn kill(&self) {
        *self.0.running() = None;
        for path in self.0.paths().iter().filter_map(Weak::upgrade) {
            path.hang_up();
        }
    }

    /// Starts it again, empty; kills it before if it runs.
    pub fn restart(&self) {
        self.kill();
        self.0.start();
    }
}

impl Machine {
    fn start(&self) {
        let run = self.runs.fetch_add(1, Ordering::Relaxed);
        let options = Options {
            pid: run + 1,
            started: self.second(),
            ..self.options
        };
        *self.running() = Some(MetaServer::new(options));
    }

    /// What its clock shows.
    fn second(&self) -> u64 {
        FIRST_SECOND + self.switched_on.elapsed().as_secs()
    }

    /// What it answers to `bytes`.
    ///
    /// # Errors
    /// It does not run.
    fn answer(&self, session: &mut Session, bytes: &[u8]) -> io::Result<Vec<u8>> {
        let mut replies = Vec::new();
        let mut running = self.running();
        let server = running.as_mut().ok_or(io::ErrorKind::ConnectionRefused)?;
        server.answer(session, bytes, self.second(), &mut replies);
        Ok(replies)
    }

    fn running(&self) -> MutexGuard<'_, Option<MetaServer>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn paths(&self) -> MutexGuard<'_, Vec<Weak<Path>>> {
        self.paths.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long one direction takes.
type Delays = Box<dyn FnMut() -> Duration + Send>;
