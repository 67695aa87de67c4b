//! Setting up a cache.

use std::sync::Arc;

use crate::backend::Backend;
use crate::cache::namespaces::Namespaces;
use crate::cache::releases::Releases;
use crate::cache::stats::Counters;
use crate::cache::tags::SeenTags;
use crate::cache::{Cache, Inner};
use crate::clock::Clock;
use crate::config::Config;
use crate::l1::{Capacity, L1};
use crate::policy::bulkhead::Bulkhead;
use crate::policy::flight::Flights;
use crate::timers::Timers;

/// Sets up a [`Cache`].
#[derive(Debug, Default)]
pub struct Builder {
    config: Config,
    clock: Clock,
    backend: Option<Arc<dyn Backend>>,
    keeps_nothing: bool,
    misconfigured: Option<String>,
}

impl Builder {
    /// Entries are also kept in `backend`. Default: in this process only.
    #[must_use]
    pub fn backend(mut self, backend: Arc<dyn Backend>) -> Self {
        self.backend = Some(backend);
        self
    }

    /// Nothing is stored, not even in this process: every call computes, and callers of a key at
    /// the same time share a computation. Without a backend only. Default: values stay.
    #[must_use]
    pub fn keeping_nothing(mut self) -> Self {
        self.keeps_nothing = true;
        self
    }

    /// Default: [`Config::default`].
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Default: the system's clock.
    #[must_use]
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// This cache stands in for one whose configuration is wrong: its health is down, with
    /// `reason`. Default: it does not.
    #[must_use]
    pub fn misconfigured(mut self, reason: impl Into<String>) -> Self {
        self.misconfigured = Some(reason.into());
        self
    }

    /// The cache. Connects to nothing.
    #[must_use]
    pub fn build(self) -> Cache {
        let Self {
            config,
            clock,
            backend,
            keeps_nothing,
            misconfigured,
        } = self;
        let capacity = Capacity {
            entries: config.l1.max_entries.max(1),
            bytes: config.l1.max_bytes.max(1),
        };
        let timers = Timers::new(clock.clone());
        let inner = Inner {
            l1: Arc::new(L1::new(capacity, clock.clone())),
            flights: Arc::new(Flights::new(timers.clone())),
            blocking_flights: Arc::new(Flights::new(timers.clone())),
            refreshes: Arc::new(Flights::new(timers.clone())),
            timers,
            bulkhead: Bulkhead::new(config.max_computations),
            releases: Releases::default(),
            namespaces: Namespaces::default(),
            seen_tags: SeenTags::default(),
            counters: Counters::new(),
            config,
            clock,
            backend,
            keeps_nothing,
            misconfigured,
        };
        Cache {
            inner: Arc::new(inner),
        }
    }
}
