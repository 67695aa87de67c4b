//! Who reads through a cache: ours, ours with a part of it taken away, and peers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cachekit_core::testkit::Altered;
use serde::{Deserialize, Serialize};

use crate::Failed;
use crate::fleet::blind::Blind;
use crate::fleet::leaderless::Leaderless;
use crate::fleet::ours;
use crate::fleet::peers::{cachekit_rs, dalli, memcache};
use crate::fleet::plan::Plan;
use crate::fleet::scene::LEASE;

/// A process's way to the values of the origin.
#[async_trait]
pub(super) trait Reader: Send + Sync {
    /// The value of `key`, from the cache or from the [origin](crate::fleet::asking::ask).
    async fn read(&self, key: u32) -> Result<Answer, Failed>;

    /// Says that the value of `key` is no longer true.
    async fn invalidate(&self, key: u32, how: How) -> Result<(), Failed>;

    /// What has happened since, by name, for the table.
    fn counts(&self) -> Counts {
        Counts::default()
    }
}

/// What a read gave.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answer {
    pub(super) version: u64,
    /// Whether the caller was told that this may be old.
    pub(super) stale: bool,
}

impl Answer {
    /// The caller was told nothing but the version.
    pub(super) const fn fresh(version: u64) -> Self {
        Self {
            version,
            stale: false,
        }
    }
}

/// How a value is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Remove,
    Expire,
}

/// What a process says of itself, by name.
pub(super) type Counts = BTreeMap<String, u64>;

/// What the processes read through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Through {
    /// The product.
    Memcached,
    /// The product on files.
    File,
    /// The product on servers that count no CAS numbers (`-C`).
    Unfenced,
    /// Leads as ever, and results are stored whatever has happened meanwhile.
    Blind,
    /// Nobody is told that another process computes.
    NoLeads,
    /// Locks of the server, and results are stored whatever has happened meanwhile.
    Dalli,
    /// `fetch` of the client `memcache`.
    Memcache,
    /// The macro of `cachekit-rs`.
    CachekitRs,
}

impl Through {
    pub(super) const ALL: &[Self] = &[
        Self::Memcached,
        Self::File,
        Self::Unfenced,
        Self::Blind,
        Self::NoLeads,
        Self::Dalli,
        Self::Memcache,
        Self::CachekitRs,
    ];

    /// Those that are compared: the product is the first.
    pub(super) const PEERS: &[Self] = &[
        Self::Memcached,
        Self::CachekitRs,
        Self::Memcache,
        Self::Dalli,
        Self::Blind,
        Self::NoLeads,
    ];

    /// As the command line has it.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Memcached => "memcached",
            Self::File => "file",
            Self::Unfenced => "memcached-unfenced",
            Self::Blind => "blind",
            Self::NoLeads => "no-leads",
            Self::Dalli => "dalli",
            Self::Memcache => "memcache",
            Self::CachekitRs => "cachekit-rs",
        }
    }

    /// How many servers are started where those that have any are to have `count`.
    pub(super) const fn servers(self, count: usize) -> usize {
        match self {
            Self::File => 0,
            _ => count,
        }
    }

    /// How long a leader that died keeps others from leading at most.
    pub(super) const fn lease(self) -> Duration {
        match self {
            // The kernel says that it is dead: whoever looks next may lead.
            Self::File => Duration::from_secs(1),
            _ => LEASE,
        }
    }

    /// What the servers are started with.
    pub(super) const fn server_arguments(self) -> &'static [&'static str] {
        match self {
            Self::Unfenced => &["-C"],
            _ => &[],
        }
    }

    /// The reader of this process.
    pub(super) async fn open(self, plan: &Plan) -> Result<Arc<dyn Reader>, Failed> {
        let ours = || ours::on_servers(&plan.servers);
        match self {
            Self::Memcached | Self::Unfenced => ours::reader(ours()?, plan),
            Self::File => ours::reader(ours::on_files(&plan.directory)?, plan),
            Self::Blind => ours::reader(Arc::new(Altered(Blind(ours()?))), plan),
            Self::NoLeads => ours::reader(Arc::new(Altered(Leaderless(ours()?))), plan),
            Self::Dalli => dalli::reader(plan),
            Self::Memcache => memcache::reader(plan).await,
            Self::CachekitRs => cachekit_rs::reader(plan).await,
        }
    }
}
