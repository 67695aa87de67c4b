//! Processes in front of one store.

use std::sync::Arc;

use super::{Faults, FaultyBackend, ManualClock, ReferenceBackend};
use crate::backend::Backend;
use crate::cache::Cache;
use crate::config::Config;

/// Processes that share one store, on one clock: each cache has an L1 and flights of its own, and
/// learns of the others as it would of those on other machines.
///
/// ```
/// use cachekit_core::Error;
/// use cachekit_core::cache::Function;
/// use cachekit_core::testkit::Fleet;
///
/// static USERS: Function = Function::new(module_path!(), "users");
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Error> {
/// let fleet = Fleet::new();
/// let (one, other) = (fleet.process(), fleet.process());
/// let user = USERS.key::<String>(&42)?;
/// one.set(&user, "Ada".to_owned()).await?;
/// assert_eq!(other.get(&user).await?.as_deref(), Some("Ada"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Fleet {
    /// The clock of the store and of all processes.
    pub time: ManualClock,
    /// The store. It has no faults until a test gives it some.
    pub store: Arc<FaultyBackend<ReferenceBackend>>,
}

impl Fleet {
    /// An empty store, and no process.
    #[must_use]
    pub fn new() -> Self {
        let time = ManualClock::new();
        let store = ReferenceBackend::new(time.clock());
        let store = FaultyBackend::new(store, Faults::default(), time.clock());
        let store = Arc::new(store);
        Self { time, store }
    }

    /// A process with the default configuration.
    #[must_use]
    pub fn process(&self) -> Cache {
        self.process_with(Config::default())
    }

    /// A process that keeps nothing of what others share: for it the bound of L1 is zero.
    #[must_use]
    pub fn process_without_l1(&self) -> Cache {
        let mut config = Config::default();
        config.l1.enabled = false;
        self.process_with(config)
    }

    /// A process with this configuration.
    #[must_use]
    pub fn process_with(&self, config: Config) -> Cache {
        let backend = Arc::clone(&self.store) as Arc<dyn Backend>;
        let builder = Cache::builder().backend(backend).config(config);
        builder.clock(self.time.clock()).build()
    }
}

impl Default for Fleet {
    fn default() -> Self {
        Self::new()
    }
}
