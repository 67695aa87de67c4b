//! What a behaviour is shown on: processes over one store, and time.

use std::sync::Arc;
use std::time::Duration;

use cachekit::backend::Backend;
use cachekit::clock::Clock;
use cachekit::config::Config;
use cachekit::file::FileBackend;
use cachekit::memcached::Memcached;
use cachekit::{Cache, file, memcached};
use cachekit_core::testkit::{ManualClock, ReferenceBackend};
use cachekit_memcached::testkit::{Server, addresses};
use tempfile::TempDir;

/// How long a test waits at most for something to happen, on the system's clock.
const DEADLINE: Duration = Duration::from_secs(60);

/// How long it leaves others alone between two looks.
const PAUSE: Duration = Duration::from_millis(2);

/// The most that passes between two looks: where the machine stands still, so does the time of the
/// processes.
const MOST: Duration = Duration::from_millis(50);

/// Processes over one store. The clock of all processes is one that the test moves; so is that of
/// the store, unless the store is memcached, which has its own.
pub(crate) struct Scene {
    clock: ManualClock,
    backend: Option<Arc<dyn Backend>>,
    /// Ended with the scene.
    servers: Vec<Server>,
    /// Likewise.
    directory: Option<TempDir>,
}

impl Scene {
    /// No store: there is one process.
    pub(crate) fn in_process() -> Self {
        Self::new(ManualClock::new(), None)
    }

    pub(crate) fn over_reference() -> Self {
        let clock = ManualClock::new();
        let backend = ReferenceBackend::new(clock.clock());
        Self::new(clock, Some(Arc::new(backend)))
    }

    pub(crate) fn over_files() -> Self {
        let clock = ManualClock::new();
        let directory = tempfile::tempdir().unwrap();
        let config = file::Config {
            directory: directory.path().join("cache"),
            ..file::Config::default()
        };
        let backend = FileBackend::with_clock(config, clock.clock()).unwrap();
        let mut scene = Self::new(clock, Some(Arc::new(backend)));
        scene.directory = Some(directory);
        scene
    }

    pub(crate) fn over_memcached() -> Self {
        let servers = vec![Server::start()];
        // A machine that is busy is no reason for a timeout.
        let config = memcached::Config {
            timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(20),
            ..memcached::Config::of_servers(addresses(&servers)).unwrap()
        };
        let backend = Memcached::new(config).unwrap();
        let mut scene = Self::new(ManualClock::new(), Some(Arc::new(backend)));
        scene.servers = servers;
        scene
    }

    fn new(clock: ManualClock, backend: Option<Arc<dyn Backend>>) -> Self {
        Self {
            clock,
            backend,
            servers: Vec::new(),
            directory: None,
        }
    }

    /// A process over the store, with the default configuration.
    pub(crate) fn process(&self) -> Cache {
        self.process_with(|_| {})
    }

    pub(crate) fn process_with(&self, configure: impl FnOnce(&mut Config)) -> Cache {
        self.process_on(&self.clock, self.backend.clone(), configure)
    }

    /// A process that keeps nothing of what others share.
    pub(crate) fn process_without_l1(&self) -> Cache {
        self.process_with(|config| config.l1.enabled = false)
    }

    pub(crate) fn process_over<B: Backend + 'static>(&self, backend: &Arc<B>) -> Cache {
        let backend = Arc::clone(backend) as Arc<dyn Backend>;
        self.process_on(&self.clock, Some(backend), |_| {})
    }

    /// A process with a clock of its own.
    pub(crate) fn process_on(
        &self,
        clock: &ManualClock,
        backend: Option<Arc<dyn Backend>>,
        configure: impl FnOnce(&mut Config),
    ) -> Cache {
        let mut config = Config::default();
        configure(&mut config);
        let builder = Cache::builder().config(config).clock(clock.clock());
        match backend {
            Some(backend) => builder.backend(backend).build(),
            None => builder.build(),
        }
    }

    /// The store that processes share, if there is one.
    pub(crate) fn backend(&self) -> Option<Arc<dyn Backend>> {
        self.backend.clone()
    }

    pub(crate) fn shares(&self) -> bool {
        self.backend.is_some()
    }

    pub(crate) fn clock(&self) -> ManualClock {
        self.clock.clone()
    }

    /// Moves the clock of the processes; memcached does not notice.
    pub(crate) fn advance(&self, time: Duration) {
        self.clock.advance(time);
    }

    /// Lets the others run until `done`. The clock of the processes stands still.
    pub(crate) async fn until(&self, mut done: impl FnMut() -> bool) {
        let mut looks = Looks::new();
        while !done() {
            looks.next().await;
        }
    }

    /// Lets the others run until `done`, while time passes.
    pub(crate) async fn in_time(&self, mut done: impl FnMut() -> bool) {
        let mut looks = Looks::new();
        while !done() {
            self.advance(looks.next().await);
        }
    }

    /// Lets the others run until `done`, while time passes twenty times as fast.
    pub(crate) async fn hastily(&self, mut done: impl FnMut() -> bool) {
        let mut looks = Looks::new();
        while !done() {
            self.advance(20 * looks.next().await);
        }
    }

    /// Lets `time` pass by the second, and others do what they do then.
    pub(crate) async fn pass(&self, time: Duration) {
        for _ in 0..time.as_secs() {
            self.advance(Duration::from_secs(1));
            let mut looks = Looks::new();
            for _ in 0..16 {
                looks.next().await;
            }
        }
    }

    /// Asks again and again while time passes, until the answer is yes: at most for `limit`, as
    /// the processes count it, and a second more for the ticks of memcached's clock.
    pub(crate) async fn eventually(&self, limit: Duration, mut ask: impl AsyncFnMut() -> bool) {
        let (own, mut looks, mut spent) =
            (self.counts_its_own_time(), Looks::new(), Duration::ZERO);
        let limit = if own { limit + 2 * TICK } else { limit };
        while !self.answer(ask()).await {
            assert!(spent < limit, "not after {spent:?}");
            let passed = looks.next().await;
            let passed = if own { passed } else { limit / 20 };
            self.advance(passed);
            spent += passed;
        }
    }

    /// The answer of one who may wait for what takes time, such as the lead of a caller who has gone.
    async fn answer(&self, asked: impl Future<Output = bool>) -> bool {
        let mut asked = std::pin::pin!(asked);
        let mut looks = Looks::new();
        loop {
            tokio::select! {
                biased;
                answer = &mut asked => return answer,
                passed = looks.next() => self.advance(passed),
            }
        }
    }

    /// Whether the store counts its own time.
    pub(crate) fn counts_its_own_time(&self) -> bool {
        !self.servers.is_empty()
    }
}

impl Drop for Scene {
    /// Threads that wait for their time would keep the runtime of a test that fails from ending.
    fn drop(&mut self) {
        self.advance(Duration::from_secs(86_400));
    }
}

/// The unit in which memcached counts time.
const TICK: Duration = Duration::from_secs(1);

/// Looks at what others do, with a pause after a few of them.
struct Looks {
    began_ms: u64,
    last_ms: u64,
    count: u32,
}

impl Looks {
    fn new() -> Self {
        let now_ms = Clock::system().monotonic_ms();
        Self {
            began_ms: now_ms,
            last_ms: now_ms,
            count: 0,
        }
    }

    /// Lets others run; how much time has passed since the last look.
    async fn next(&mut self) -> Duration {
        let clock = Clock::system();
        self.count += 1;
        match self.count % 16 {
            0 => clock.sleep(PAUSE).await,
            _ => tokio::task::yield_now().await,
        }
        let now_ms = clock.monotonic_ms();
        assert!(
            Duration::from_millis(now_ms - self.began_ms) < DEADLINE,
            "it does not happen"
        );
        let passed = now_ms - self.last_ms;
        self.last_ms = now_ms;
        Duration::from_millis(passed).min(MOST)
    }
}
