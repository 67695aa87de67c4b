//! What every backend author needs: the [`Backend`](backend::Backend) trait, the cache in front of
//! it, and the kit that tests both. Users of the cache name the crate `cachekit` instead.

pub mod backend;
mod background;
pub mod cache;
pub mod clock;
pub mod codec;
pub mod config;
pub mod env;
pub mod envelope;
pub mod error;
pub mod key;
mod l1;
mod policy;
pub mod schema;
#[cfg(feature = "testkit")]
pub mod testkit;
mod timers;
mod ttl;

pub use error::{Error, ErrorKind, Result};

/// What `#[cached]` expands to. Not for use by hand: it changes with the macro.
#[doc(hidden)]
pub mod __private {
    pub use crate::Error;
    pub use crate::cache::{
        Answer, Arguments, Cache, CacheRef, Call, CallMany, ErrorProbe, Explanation, Function, Key,
        Local, Many, OfAnything, OfFallible, OfMap, OfMapOfResults, OfOption, OfOptionalResult,
        OfPlain, OfResult, OfResultOfMap, Policy, Probe, Removals, SayFrom, SayNothing, ShareClone,
        ShareFrom, ShareNone, Stats, Tags, Voice, checked, hit, may_be_none, once,
    };
    pub use crate::codec::Bincode;

    /// The cache of functions that name none: in this process, unless someone else has chosen.
    #[inline]
    pub fn default_cache() -> CacheRef {
        CacheRef::current(|| Cache::global(Cache::in_process))
    }
}
