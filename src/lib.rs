//! CacheKit

pub use cachekit_core::cache::{Cache, Local};
pub use cachekit_core::codec::Bincode;
#[cfg(feature = "json")]
pub use cachekit_core::codec::Json;
#[cfg(feature = "messagepack")]
pub use cachekit_core::codec::MessagePack;
pub use cachekit_core::{Error, ErrorKind, Result};
pub use cachekit_macros::cached;

#[doc(hidden)]
pub use cachekit_core::__private;
