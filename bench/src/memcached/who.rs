//! Who takes part.

use serde::{Deserialize, Serialize};

use crate::memcached::peers::{POOL, async_memcached, cachekit_rs, mcmc, memcache, memcache_async};
use crate::versions;

/// One contender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Who {
    Ours {
        clients: usize,
    },
    /// Our backend: a read that may be given the lead.
    Lead,
    /// Our backend: a read that may not.
    Value,
    /// Our client: the plainest read.
    Plain,
    /// Our cache without L1, and with it.
    Cache,
    CacheL1,
    AsyncMemcachedPool,
    AsyncMemcachedOwn,
    MemcacheAsync,
    Mcmc,
    MemcacheExpAsync,
    CachekitRs,
    MemcacheExp,
    MemcacheR2d2,
    Pymemcache,
    Pylibmc,
    OneByOne,
    MultiGet,
    Pipelined,
    TwoSockets,
}

/// What a contender is to the bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Ours,
    /// Ours as well: what a bar compares with, or what stands beside it.
    Beside,
    /// A client of Rust whose calls are awaited.
    Async,
    /// A client of Rust whose calls block.
    Blocking,
    Python,
    Limit,
}

impl Who {
    pub(super) const fn is_python(self) -> bool {
        matches!(self, Self::Pymemcache | Self::Pylibmc)
    }

    pub(super) const fn role(self) -> Role {
        match self {
            Self::Ours { .. } | Self::Lead | Self::Cache | Self::CacheL1 => Role::Ours,
            Self::Value | Self::Plain => Role::Beside,
            Self::AsyncMemcachedPool
            | Self::AsyncMemcachedOwn
            | Self::MemcacheAsync
            | Self::Mcmc
            | Self::MemcacheExpAsync
            | Self::CachekitRs => Role::Async,
            Self::MemcacheExp | Self::MemcacheR2d2 => Role::Blocking,
            Self::Pymemcache | Self::Pylibmc => Role::Python,
            Self::OneByOne | Self::MultiGet | Self::Pipelined | Self::TwoSockets => Role::Limit,
        }
    }

    /// How it is called in tables.
    pub(super) fn name(self) -> String {
        let peer = |name, how: &str| format!("{}, {how}", versions::named(name));
        match self {
            Self::Lead => "backend, Want::Lead".to_owned(),
            Self::Value => "backend, Want::Value".to_owned(),
            Self::Plain => "client.get".to_owned(),
            Self::Cache => "cache without L1".to_owned(),
            Self::CacheL1 => "cache with L1".to_owned(),
            Self::Ours { clients: 1 } => "cachekit".to_owned(),
            Self::Ours { clients } => format!("cachekit, {clients} clients"),
            Self::AsyncMemcachedPool => peer(async_memcached::NAME, &format!("pool of {POOL}")),
            Self::AsyncMemcachedOwn => peer(async_memcached::NAME, "own connections"),
            Self::MemcacheAsync => peer(memcache_async::NAME, "own connections"),
            Self::Mcmc => peer(mcmc::NAME, "own connections"),
            Self::MemcacheExpAsync => peer(memcache::NAME, "exp::AsyncMemcache"),
            Self::CachekitRs => versions::named(cachekit_rs::NAME),
            Self::MemcacheExp => peer(memcache::NAME, "exp::Memcache"),
            Self::MemcacheR2d2 => peer(memcache::NAME, "Client"),
            Self::Pymemcache => "pymemcache".to_owned(),
            Self::Pylibmc => "pylibmc".to_owned(),
            Self::OneByOne => "limit: one blocking socket a caller".to_owned(),
            Self::MultiGet => "limit: blocking socket, `get k1 … kn`".to_owned(),
            Self::Pipelined => "limit: 4 sockets, 100 mg under way on each".to_owned(),
            Self::TwoSockets => "limit: a socket for each size".to_owned(),
        }
    }
}
