//! Where entries live, as the environment says.

#[cfg(all(test, feature = "file", feature = "memcached"))]
mod tests;

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use cachekit_core::backend::Backend;
use cachekit_core::cache::Cache;
use cachekit_core::config::{Config, NAMESPACE};
use cachekit_core::env::{Problems, Variable, Vars, name_of_cache};
use cachekit_core::error::Result;

use crate::process;

/// `CACHEKIT_BACKEND`
pub const BACKEND: Variable = Variable {
    name: "CACHEKIT_BACKEND",
    default: "memcached if CACHEKIT_MEMCACHED_SERVERS is set, file if CACHEKIT_FILE_CACHE_DIR is \
              set, else memory",
    expected: "memory, file, memcached or null",
    about: "Where entries live beside the process: nowhere else, in files, in memcached; `null` \
            stores nothing at all.",
    secret: false,
};

/// Every variable that the environment may set, in the order of the reference.
#[must_use]
pub fn variables() -> Vec<Variable> {
    let mut all = vec![BACKEND];
    all.extend_from_slice(cachekit_core::config::VARIABLES);
    #[cfg(feature = "memcached")]
    all.extend_from_slice(cachekit_memcached::config::VARIABLES);
    #[cfg(feature = "file")]
    all.extend_from_slice(cachekit_file::config::VARIABLES);
    all
}

/// A configuration of the whole: what the cache does, and where entries live.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// The cache itself.
    pub config: Config,
    /// The backend.
    pub place: Place,
}

/// Where entries live beside the process.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Place {
    /// Nowhere else.
    Memory,
    /// Not even in the process: every call computes, one at a time for each key.
    Null,
    /// In files.
    #[cfg(feature = "file")]
    File(cachekit_file::Config),
    /// In memcached.
    #[cfg(feature = "memcached")]
    Memcached(cachekit_memcached::Config),
}

/// The names of `CACHEKIT_BACKEND`.
#[derive(Clone, Copy, Debug)]
enum Name {
    Memory,
    Null,
    File,
    Memcached,
}

impl Deployment {
    /// Reads the environment of this process, for its unnamed cache.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn from_env() -> Result<Self, Problems> {
        Self::of_process(None)
    }

    /// Takes `vars` for the environment. Pure.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn from_vars<N: Into<OsString>, V: Into<OsString>>(
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Problems> {
        Self::of_vars(None, vars)
    }

    /// [`from_env`](Self::from_env) for the cache `name`: see [`caches!`](crate::caches).
    ///
    /// # Errors
    /// As of [`from_env`](Self::from_env).
    pub fn named_from_env(name: &str) -> Result<Self, Problems> {
        Self::of_process(Some(name))
    }

    /// [`from_vars`](Self::from_vars) for the cache `name`: see [`caches!`](crate::caches).
    ///
    /// # Errors
    /// As of [`from_vars`](Self::from_vars).
    pub fn named_from_vars<N: Into<OsString>, V: Into<OsString>>(
        name: &str,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Problems> {
        Self::of_vars(Some(name), vars)
    }

    fn of_process(name: Option<&str>) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let vars = Vars::from_process(&mut problems);
        Self::read(name, &vars, &process::declared(), problems)
    }

    fn of_vars<N: Into<OsString>, V: Into<OsString>>(
        name: Option<&str>,
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let vars = vars
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let vars = Vars::from_os(vars, &mut problems);
        Self::read(name, &vars, &[], problems)
    }

    /// Of the cache `name`, where there are others, `declared`.
    fn read(
        name: Option<&str>,
        vars: &Vars,
        declared: &[&str],
        mut problems: Problems,
    ) -> Result<Self, Problems> {
        let caches: Vec<&str> = declared.iter().copied().chain(name).collect();
        vars.check_names(&variables(), &caches, &mut problems);
        let mut found = Problems::default();
        let unnamed = Self::unnamed(vars, &mut found);
        let deployment = match name {
            Some(name) => {
                let (named, of_named) = Self::named(name, vars, &found);
                found = of_named;
                named
            }
            None => unnamed,
        };
        problems.merge(found);
        if problems.is_empty() {
            Ok(deployment)
        } else {
            Err(problems)
        }
    }

    fn unnamed(vars: &Vars, problems: &mut Problems) -> Self {
        let config = Config::from_vars(vars, problems);
        let name = Name::read(None, vars, problems).unwrap_or(Name::Memory);
        let place = Place::read(name, vars, problems);
        Self { config, place }
    }

    /// What is set for the cache `name`, and in place of the rest what is set for all.
    fn named(name: &str, vars: &Vars, inherited: &Problems) -> (Self, Problems) {
        let own = vars.of_cache(name);
        let all = own.or(vars);
        let mut problems = Problems::default();
        let mut config = Config::from_vars(&all, &mut problems);
        if own.get(NAMESPACE.name).is_none() {
            config.namespace = below(&config.namespace, name);
        }
        // What is set for it alone goes before any choice that is made for all.
        let place = Name::read(Some(name), &own, &mut problems)
            .or_else(|| Name::read(None, vars, &mut problems))
            .unwrap_or(Name::Memory);
        let place = Place::read(place, &all, &mut problems);
        (
            Self { config, place },
            problems.of_cache(name, &own, inherited),
        )
    }

    /// The cache, with a backend of its own. Connects to nothing, and opens nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a configuration that was
    /// made by hand and is outside its ranges; one that was read is not.
    pub fn build(self) -> Result<Cache> {
        let backend = self.place.open()?;
        Ok(self.over(backend))
    }

    /// The cache over `backend`, which has been opened in its place.
    pub(crate) fn over(self, backend: Option<Arc<dyn Backend>>) -> Cache {
        let Self { config, place } = self;
        let builder = Cache::builder().config(config);
        match backend {
            Some(backend) => builder.backend(backend).build(),
            None if place == Place::Null => builder.keeping_nothing().build(),
            None => builder.build(),
        }
    }
}

/// The namespace of the cache `name` where none is set for it.
fn below(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        format!("{namespace}.{name}")
    }
}

impl Place {
    /// The name of `CACHEKIT_BACKEND` for it.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Memory => Name::Memory.as_str(),
            Self::Null => Name::Null.as_str(),
            #[cfg(feature = "file")]
            Self::File(_) => Name::File.as_str(),
            #[cfg(feature = "memcached")]
            Self::Memcached(_) => Name::Memcached.as_str(),
        }
    }

    /// The directory of the file backend.
    #[must_use]
    pub fn directory(&self) -> Option<&Path> {
        match self {
            #[cfg(feature = "file")]
            Self::File(config) => Some(&config.directory),
            _ => None,
        }
    }

    /// The sections of all backends are read, so that every problem is told; the one of `name` is
    /// taken.
    #[cfg_attr(
        not(any(feature = "file", feature = "memcached")),
        expect(unused_variables, reason = "there are no sections of backends")
    )]
    fn read(name: Name, vars: &Vars, problems: &mut Problems) -> Self {
        #[cfg(feature = "file")]
        let file = cachekit_file::Config::from_vars(vars, problems);
        #[cfg(feature = "memcached")]
        let memcached = cachekit_memcached::Config::from_vars(vars, problems);
        match name {
            Name::Memory => Self::Memory,
            Name::Null => Self::Null,
            #[cfg(feature = "file")]
            Name::File => Self::File(file),
            #[cfg(feature = "memcached")]
            Name::Memcached => Self::Memcached(memcached),
            #[cfg(not(all(feature = "file", feature = "memcached")))]
            name => {
                let feature = name.as_str();
                let expected = format!("a build of cachekit with its feature `{feature}`");
                problems.add(BACKEND.name, Some(feature), expected);
                Self::Memory
            }
        }
    }

    /// The backend, if there is one. Connects to nothing, and opens nothing.
    pub(crate) fn open(&self) -> Result<Option<Arc<dyn Backend>>> {
        Ok(match self {
            Self::Memory | Self::Null => None,
            #[cfg(feature = "file")]
            Self::File(file) => Some(Arc::new(cachekit_file::FileBackend::new(file.clone())?)),
            #[cfg(feature = "memcached")]
            Self::Memcached(memcached) => {
                let memcached = cachekit_memcached::Memcached::new(memcached.clone())?;
                Some(Arc::new(memcached))
            }
        })
    }
}

impl Name {
    /// The choice that `vars` make, if they make one. They are what is set for `cache` alone, where
    /// it is named.
    fn read(cache: Option<&str>, vars: &Vars, problems: &mut Problems) -> Option<Self> {
        const SERVERS: &str = "CACHEKIT_MEMCACHED_SERVERS";
        const DIRECTORY: &str = "CACHEKIT_FILE_CACHE_DIR";
        let raw = vars.get(BACKEND.name).map(str::to_owned);
        if raw.is_some() {
            let name = problems.parse(&BACKEND, raw, Self::parse);
            return Some(name.unwrap_or(Self::Memory));
        }
        match (vars.get(SERVERS).is_some(), vars.get(DIRECTORY).is_some()) {
            (false, false) => None,
            (false, true) => Some(Self::File),
            (true, false) => Some(Self::Memcached),
            (true, true) => {
                let [backend, servers, directory] =
                    [BACKEND.name, SERVERS, DIRECTORY].map(|name| {
                        cache.map_or_else(|| name.to_owned(), |cache| name_of_cache(name, cache))
                    });
                let expected = format!(
                    "{}, because both {servers} and {directory} are set",
                    BACKEND.expected
                );
                problems.add(&backend, Some(""), expected);
                Some(Self::Memory)
            }
        }
    }

    fn parse(raw: &str) -> Option<Self> {
        [Self::Memory, Self::Null, Self::File, Self::Memcached]
            .into_iter()
            .find(|name| name.as_str() == raw)
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Memory => "memory",
            Self::Null => "null",
            Self::File => "file",
            Self::Memcached => "memcached",
        }
    }
}
