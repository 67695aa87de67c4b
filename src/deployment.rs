//! Where entries live, as the environment says.

use std::ffi::OsString;
use std::path::Path;
use std::sync::Arc;

use cachekit_core::backend::Backend;
use cachekit_core::cache::{Cache, Null};
use cachekit_core::config::Config;
use cachekit_core::env::{Problems, Variable, Vars};
use cachekit_core::error::Result;

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
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn from_env() -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let vars = Vars::from_process(&mut problems);
        Self::read(&vars, problems)
    }

    /// Takes `vars` for the environment. Pure.
    ///
    /// # Errors
    /// Everything that is wrong with it, at once.
    pub fn from_vars<N: Into<OsString>, V: Into<OsString>>(
        vars: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let vars = vars
            .into_iter()
            .map(|(name, value)| (name.into(), value.into()));
        let vars = Vars::from_os(vars, &mut problems);
        Self::read(&vars, problems)
    }

    fn read(vars: &Vars, mut problems: Problems) -> Result<Self, Problems> {
        vars.check_names(&variables(), &mut problems);
        let config = Config::from_vars(vars, &mut problems);
        let place = Place::read(vars, &mut problems);
        if problems.is_empty() {
            Ok(Self { config, place })
        } else {
            Err(problems)
        }
    }

    /// The cache. Connects to nothing, and opens nothing.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a configuration that was
    /// made by hand and is outside its ranges; one that was read is not.
    pub fn build(self) -> Result<Cache> {
        let Self { mut config, place } = self;
        let backend: Arc<dyn Backend> = match place {
            Place::Memory => return Ok(Cache::builder().config(config).build()),
            Place::Null => {
                config.l1.enabled = false;
                Arc::new(Null)
            }
            #[cfg(feature = "file")]
            Place::File(file) => Arc::new(cachekit_file::FileBackend::new(file)?),
            #[cfg(feature = "memcached")]
            Place::Memcached(memcached) => Arc::new(cachekit_memcached::Memcached::new(memcached)?),
        };
        Ok(Cache::builder().config(config).backend(backend).build())
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

    /// The sections of all backends are read, so that every problem is told; the one that is
    /// chosen is taken.
    fn read(vars: &Vars, problems: &mut Problems) -> Self {
        #[cfg(feature = "file")]
        let file = cachekit_file::Config::from_vars(vars, problems);
        #[cfg(feature = "memcached")]
        let memcached = cachekit_memcached::Config::from_vars(vars, problems);
        match Name::read(vars, problems) {
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
}

impl Name {
    fn read(vars: &Vars, problems: &mut Problems) -> Self {
        let raw = vars.get(BACKEND.name).map(str::to_owned);
        if raw.is_some() {
            return problems
                .parse(&BACKEND, raw, Self::parse)
                .unwrap_or(Self::Memory);
        }
        let memcached = vars.get("CACHEKIT_MEMCACHED_SERVERS").is_some();
        let file = vars.get("CACHEKIT_FILE_CACHE_DIR").is_some();
        match (memcached, file) {
            (false, false) => Self::Memory,
            (false, true) => Self::File,
            (true, false) => Self::Memcached,
            (true, true) => {
                let expected = "memory, file, memcached or null, because both \
                                CACHEKIT_MEMCACHED_SERVERS and CACHEKIT_FILE_CACHE_DIR are set";
                problems.add(BACKEND.name, Some(""), expected);
                Self::Memory
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

#[cfg(all(test, feature = "file", feature = "memcached"))]
mod tests {
    use super::*;

    const SERVERS: (&str, &str) = ("CACHEKIT_MEMCACHED_SERVERS", r#"["mc1:11211","mc2:11211"]"#);
    const DIRECTORY: (&str, &str) = ("CACHEKIT_FILE_CACHE_DIR", "/tmp/cachekit");

    fn place(vars: &[(&str, &str)]) -> Place {
        Deployment::from_vars(vars.iter().copied()).unwrap().place
    }

    #[test]
    fn nothing_set_means_in_process() {
        assert_eq!(place(&[]), Place::Memory);
    }

    #[test]
    fn servers_choose_memcached_and_a_directory_chooses_files() {
        assert!(matches!(place(&[SERVERS]), Place::Memcached(_)));
        assert!(matches!(place(&[DIRECTORY]), Place::File(_)));
    }

    #[test]
    fn servers_and_a_directory_without_a_choice_are_an_error() {
        let problems = Deployment::from_vars([SERVERS, DIRECTORY]).unwrap_err();
        assert!(
            problems
                .to_string()
                .contains("both CACHEKIT_MEMCACHED_SERVERS"),
            "{problems}"
        );
        assert!(matches!(
            place(&[SERVERS, DIRECTORY, ("CACHEKIT_BACKEND", "file")]),
            Place::File(_)
        ));
    }

    #[test]
    fn an_unknown_backend_is_told_with_what_was_expected() {
        let problems = Deployment::from_vars([("CACHEKIT_BACKEND", "redis")]).unwrap_err();
        let text = problems.to_string();
        assert!(text.contains("CACHEKIT_BACKEND=\"redis\"") && text.contains("memory, file"));
    }

    #[test]
    fn problems_of_all_sections_are_told_at_once() {
        let problems = Deployment::from_vars([
            ("CACHEKIT_BACKEND", "redis"),
            ("CACHEKIT_DEFAULT_TTL", "soon"),
            ("CACHEKIT_MEMCACHED_TIMEOUT", "never"),
            ("CACHEKIT_FILE_MAX_SIZE_MB", "lots"),
            ("CACHEKIT_MEMCACHED_TIMOUT", "1"),
        ]);
        assert_eq!(problems.unwrap_err().iter().count(), 5);
    }

    #[test]
    fn every_variable_is_named_once() {
        let mut names: Vec<_> = variables().iter().map(|variable| variable.name).collect();
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
    }
}
