//! Named caches.

use std::sync::OnceLock;

use cachekit_core::cache::{Cache, CacheRef};

use crate::process;

/// Declares the named caches of a crate, at its root: the module `crate::caches`, with a function
/// for each of them and `init`.
///
/// ```
/// use cachekit::cached;
///
/// cachekit::caches! {
///     /// What we sell.
///     catalog,
///     sessions,
/// }
///
/// #[cached(cache = "catalog", ttl = "1h")]
/// fn price(article: u64) -> u64 {
///     article * 100
/// }
///
/// fn main() -> Result<(), cachekit::env::Problems> {
///     caches::init()?; // every problem of every cache, at once
///     assert_eq!(price(7), 700);
///     assert_eq!(caches::catalog().entries(), 1);
///     assert_eq!(caches::sessions().entries(), 0);
///     Ok(())
/// }
/// ```
///
/// # Where they are
/// Each has every variable of the unnamed cache for itself, with its name behind `CACHEKIT_`:
/// `CACHEKIT_CATALOG_BACKEND`, `CACHEKIT_CATALOG_DEFAULT_TTL`, `CACHEKIT_CATALOG_MEMCACHED_SERVERS`.
/// One that is not set, or empty, is what it is for the unnamed cache; credentials are no exception.
///
/// The backend is the first of these:
/// 1. `CACHEKIT_CATALOG_BACKEND`;
/// 2. memcached if `CACHEKIT_CATALOG_MEMCACHED_SERVERS` is set, file if
///    `CACHEKIT_CATALOG_FILE_CACHE_DIR` is set; both are an error;
/// 3. that of the unnamed cache.
///
/// # What they share
/// Each has its own layer in the process, with its own bounds, and its own counters. Caches whose
/// backend is configured alike, the unnamed one included, share the backend: its connections, and
/// what it knows of the health of the servers.
///
/// They do not share entries: a cache without a namespace of its own is in the namespace of the
/// unnamed one and its name, `catalog` or, with `CACHEKIT_NAMESPACE=shop`, `shop.catalog`. Caches
/// that are given the same (`CACHEKIT_CATALOG_NAMESPACE`) share the entries of their functions.
///
/// # Names
/// At least two lower-case letters, digits and `_`, a letter first; none of their words is `port`:
/// variables like that come from Kubernetes, and are not read. `init` is taken. Whoever names a
/// cache that is not declared gets an error from the compiler.
///
/// The same name in two crates is one cache. A binary that declares the caches of its libraries,
/// too, hears of their problems from its `caches::init`; without that call a cache is set up at its
/// first use, and is in process if its configuration is bad, with an error logged and its
/// [`health`](crate::Cache::health) down.
#[macro_export]
macro_rules! caches {
    ($($(#[$attribute:meta])* $name:ident),+ $(,)?) => {
        /// The named caches.
        #[allow(dead_code, reason = "a cache may be used by name alone, and `init` need not be")]
        pub(crate) mod caches {
            const NAMES: &[&str] = &[$(::core::stringify!($name)),+];

            $(
                const _: () = ::core::assert!(
                    $crate::__private::is_name(::core::stringify!($name)),
                    ::core::concat!(
                        "`", ::core::stringify!($name), "` cannot be the name of a cache: write two or \
                         more lower-case letters, digits and `_`, a letter first, without the word `port`"
                    )
                );

                $(#[$attribute])*
                #[inline]
                pub(crate) fn $name() -> $crate::CacheRef {
                    static CACHE: $crate::__private::Named =
                        $crate::__private::Named::new(::core::stringify!($name), NAMES);
                    CACHE.current()
                }
            )+

            /// Sets up the unnamed cache and those of this module, as the environment says.
            ///
            /// # Errors
            /// Everything that is wrong with it, at once. The caches concerned are then in process.
            pub(crate) fn init() -> ::core::result::Result<(), $crate::env::Problems> {
                $crate::__private::init_named(NAMES)
            }
        }
    };
}

/// A named cache, as a crate declares it.
#[derive(Debug)]
pub struct Named {
    name: &'static str,
    /// All that are declared together.
    names: &'static [&'static str],
    cache: OnceLock<Cache>,
}

impl Named {
    /// The cache `name`, one of `names`.
    #[must_use]
    pub const fn new(name: &'static str, names: &'static [&'static str]) -> Self {
        Self {
            name,
            names,
            cache: OnceLock::new(),
        }
    }

    /// The cache; inside of [`with_cache`](crate::with_cache), the one given there.
    #[inline]
    pub fn current(&'static self) -> CacheRef {
        CacheRef::current(|| {
            self.cache
                .get_or_init(|| process::named_cache(self.name, self.names))
        })
    }
}

/// Whether a cache may have this name: its variables are then told from all others.
#[must_use]
pub const fn is_name(name: &str) -> bool {
    let name = name.as_bytes();
    if name.len() < 2 || !name[0].is_ascii_lowercase() {
        return false;
    }
    let mut at = 0;
    while at < name.len() {
        let allowed =
            name[at].is_ascii_lowercase() || name[at].is_ascii_digit() || name[at] == b'_';
        if !allowed || begins_port(name, at) {
            return false;
        }
        at += 1;
    }
    true
}

/// Whether the word at `at` is `port`.
const fn begins_port(name: &[u8], at: usize) -> bool {
    const PORT: &[u8] = b"port";
    if at > 0 && name[at - 1] != b'_' {
        return false;
    }
    let mut length = 0;
    while length < PORT.len() {
        if at + length >= name.len() || name[at + length] != PORT[length] {
            return false;
        }
        length += 1;
    }
    at + length == name.len() || name[at + length] == b'_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_words_that_no_other_variable_has() {
        for name in [
            "catalog",
            "l2",
            "by_user_7",
            "ports",
            "report",
            "port2",
            "x_",
        ] {
            assert!(is_name(name), "{name}");
        }
        for name in [
            "", "a", "Catalog", "2l", "_x", "r#type", "größe", "port", "in_port", "port_in",
        ] {
            assert!(!is_name(name), "{name}");
        }
    }
}
