//! The caches of this process, each set up once: the unnamed one and the named ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cachekit_core::backend::Backend;
use cachekit_core::cache::{Cache, CacheRef};
use cachekit_core::env::Problems;
use cachekit_core::error::Result;

use crate::deployment::{BACKEND, Deployment, Place};

/// What is known beside the unnamed cache.
#[derive(Default)]
struct Known {
    /// The names that have been declared by the code that has run so far.
    declared: BTreeSet<&'static str>,
    named: BTreeMap<&'static str, SetUp>,
    /// Caches in the same place share what is open there.
    open: Vec<(Place, Option<Arc<dyn Backend>>)>,
}

/// A cache, and what was wrong with its configuration.
#[derive(Clone)]
struct SetUp {
    cache: Cache,
    problems: Problems,
}

static KNOWN: Mutex<Known> = Mutex::new(Known {
    declared: BTreeSet::new(),
    named: BTreeMap::new(),
    open: Vec::new(),
});

fn known() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The names of caches that are known so far.
pub(crate) fn declared() -> Vec<&'static str> {
    known().declared.iter().copied().collect()
}

/// Sets up the cache of this process as the environment says. Call it first in `main`, to hear of
/// a bad configuration before the first request does; where there are named caches, call
/// `caches::init()` instead: see [`caches!`](crate::caches).
///
/// Connects to nothing. Without this call the first cached function sets up the cache; a bad
/// configuration then means in process, with an error logged and [`Cache::health`] down.
///
/// # Errors
/// Everything that is wrong with the environment, at once. The cache is then in process.
pub fn init() -> Result<&'static Cache, Problems> {
    let mut found = Problems::default();
    let cache = Cache::global(|| {
        let set_up = SetUp::of(None);
        found = set_up.problems;
        set_up.cache
    });
    if found.is_empty() {
        Ok(cache)
    } else {
        Err(found)
    }
}

/// The cache of this process: the one that [`init`] or [`install`] has set up, or now the one
/// that the environment says; inside of [`with_cache`](crate::with_cache), the one given there.
#[inline]
#[must_use]
pub fn cache() -> CacheRef {
    CacheRef::current(|| Cache::global(|| SetUp::of(None).cache))
}

/// Makes `cache` the cache of this process: for a backend of your own. Once, before the first
/// cached function is called. Named caches are as the environment says.
///
/// # Errors
/// `cache` itself, if there is one already.
pub fn install(cache: Cache) -> Result<(), Cache> {
    let mut given = Some(cache);
    Cache::global(|| given.take().unwrap_or_else(Cache::in_process));
    given.map_or(Ok(()), Err)
}

/// Sets up the unnamed cache and those of `names`.
///
/// # Errors
/// Everything that is wrong with the environment, at once.
pub fn init_named(names: &'static [&'static str]) -> Result<(), Problems> {
    known().declared.extend(names);
    let mut problems = init().err().unwrap_or_default();
    for name in names {
        problems.merge(named(name).problems);
    }
    if problems.is_empty() {
        Ok(())
    } else {
        Err(problems)
    }
}

/// The cache `name` of this process, which is declared beside `names`.
pub(crate) fn named_cache(name: &'static str, names: &'static [&'static str]) -> Cache {
    known().declared.extend(names);
    named(name).cache
}

fn named(name: &'static str) -> SetUp {
    if let Some(set_up) = known().named.get(name) {
        return set_up.clone();
    }
    let set_up = SetUp::of(Some(name));
    // Whoever was first counts.
    known().named.entry(name).or_insert(set_up).clone()
}

impl SetUp {
    /// As the environment says, for the cache `name`.
    fn of(name: Option<&str>) -> Self {
        let deployment = match name {
            Some(name) => Deployment::named_from_env(name),
            None => Deployment::from_env(),
        };
        let built = deployment.and_then(|deployment| {
            let backend = open(&deployment.place).map_err(|error| {
                let mut problems = Problems::default();
                problems.add(BACKEND.name, None, error.to_string());
                problems
            })?;
            Ok(deployment.over(backend))
        });
        match built {
            Ok(cache) => Self {
                cache,
                problems: Problems::default(),
            },
            Err(problems) => {
                tracing::error!(cache = name, %problems, "bad configuration; caching in process");
                let cache = Cache::builder().misconfigured(problems.to_string()).build();
                Self { cache, problems }
            }
        }
    }
}

/// What is open in `place`; opened if need be.
fn open(place: &Place) -> Result<Option<Arc<dyn Backend>>> {
    let open = &mut known().open;
    if let Some((_, backend)) = open.iter().find(|(other, _)| other == place) {
        return Ok(backend.clone());
    }
    let backend = place.open()?;
    open.push((place.clone(), backend.clone()));
    Ok(backend)
}

#[cfg(all(test, feature = "memcached"))]
mod tests {
    use cachekit_memcached::Config;

    use super::*;

    #[test]
    fn caches_whose_backend_is_configured_alike_share_it() {
        let at = |server| {
            let config = Config::of_servers([server]).unwrap();
            open(&Place::Memcached(config)).unwrap().unwrap()
        };
        assert!(Arc::ptr_eq(&at("mc1"), &at("mc1")));
        assert!(!Arc::ptr_eq(&at("mc1"), &at("mc2")));
    }
}
