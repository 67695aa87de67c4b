//! The configuration of the cache itself; each backend has its own.

use std::time::Duration;

use serde::Deserialize;

use crate::env::{Problems, Variable, Vars, boolean, integer, seconds};
use crate::ttl::Ttl;

/// `CACHEKIT_NAMESPACE`
pub const NAMESPACE: Variable = Variable {
    name: "CACHEKIT_NAMESPACE",
    default: "",
    expected: "any text; bytes other than letters, digits, `-`, `_`, `.` and `~` are escaped",
    about: "In front of every key, so that two applications can share a store.",
    secret: false,
};

/// `CACHEKIT_DEFAULT_TTL`
pub const DEFAULT_TTL: Variable = Variable {
    name: "CACHEKIT_DEFAULT_TTL",
    default: "300",
    expected: "seconds between 0.001 and 31536000 (a year), such as 300",
    about: "The ttl of a `#[cached]` that names none.",
    secret: false,
};

/// `CACHEKIT_L1_ENABLED`
pub const L1_ENABLED: Variable = Variable {
    name: "CACHEKIT_L1_ENABLED",
    default: "true",
    expected: "true or false",
    about: "Whether values are also kept in the process in front of a shared backend.",
    secret: false,
};

/// `CACHEKIT_L1_MAX_ENTRIES`
pub const L1_MAX_ENTRIES: Variable = Variable {
    name: "CACHEKIT_L1_MAX_ENTRIES",
    default: "100000",
    expected: "a whole number between 1 and 1000000000",
    about: "The most entries that the process keeps.",
    secret: false,
};

/// `CACHEKIT_L1_MAX_SIZE_MB`
pub const L1_MAX_SIZE_MB: Variable = Variable {
    name: "CACHEKIT_L1_MAX_SIZE_MB",
    default: "128",
    expected: "whole megabytes (1048576 bytes) between 1 and 1000000",
    about: "The most memory that the entries in the process take, by estimate.",
    secret: false,
};

/// `CACHEKIT_L1_MAX_AGE`
pub const L1_MAX_AGE: Variable = Variable {
    name: "CACHEKIT_L1_MAX_AGE",
    default: "5",
    expected: "seconds between 0 and 3600, such as 5",
    about: "How long the process may keep an entry of a shared backend, at most a quarter of its \
            ttl: the bound on how stale it can be after another process has invalidated. 0: not \
            at all.",
    secret: false,
};

/// `CACHEKIT_MAX_COMPUTATIONS`
pub const MAX_COMPUTATIONS: Variable = Variable {
    name: "CACHEKIT_MAX_COMPUTATIONS",
    default: "128",
    expected: "a whole number between 1 and 1000000",
    about: "The most computations that run at the same time; those of other keys wait.",
    secret: false,
};

/// Every variable of this module.
pub const VARIABLES: &[Variable] = &[
    NAMESPACE,
    DEFAULT_TTL,
    L1_ENABLED,
    L1_MAX_ENTRIES,
    L1_MAX_SIZE_MB,
    L1_MAX_AGE,
    MAX_COMPUTATIONS,
];

const BYTES_PER_MB: u64 = 1 << 20;

/// How a [`Cache`](crate::cache::Cache) is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// In front of every key. Default: empty.
    pub namespace: String,
    /// The ttl where none is named. Default: 5 minutes.
    pub default_ttl: Ttl,
    /// The layer in this process.
    pub l1: L1Config,
    /// The most computations that run at the same time, those inside of others not counted.
    /// Default: 128. Zero counts as one.
    pub max_computations: usize,
}

/// The layer in this process.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct L1Config {
    /// Whether it is used in front of a shared backend. Default: true. Without a backend it is
    /// the cache, and stays.
    pub enabled: bool,
    /// The most entries. Default: 100 000. Zero counts as one.
    pub max_entries: usize,
    /// The most bytes, by estimate: values as they would be encoded, and what an entry costs.
    /// Default: 128 MiB. Zero counts as one. The bytes are divided among shards of 16 MiB and more,
    /// a few for each processor; a value larger than its shard is not kept.
    pub max_bytes: usize,
    /// How long an entry of a shared backend is kept, at most; a quarter of its ttl where that is
    /// less. Default: 5 s. Zero: not at all.
    pub max_age: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            namespace: String::new(),
            default_ttl: Ttl::from_secs(300),
            l1: L1Config {
                enabled: true,
                max_entries: 100_000,
                max_bytes: 128 << 20,
                max_age: Duration::from_secs(5),
            },
            max_computations: 128,
        }
    }
}

#[derive(Deserialize)]
struct Raw {
    namespace: Option<String>,
    default_ttl: Option<String>,
    l1_enabled: Option<String>,
    l1_max_entries: Option<String>,
    l1_max_size_mb: Option<String>,
    l1_max_age: Option<String>,
    max_computations: Option<String>,
}

impl Config {
    /// Reads `vars`. What is wrong is added to `problems`, and its default taken.
    #[must_use]
    pub fn from_vars(vars: &Vars, problems: &mut Problems) -> Self {
        let raw: Raw = vars.section(crate::env::PREFIX);
        let default = Self::default();
        let count = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
        let ttl = problems.parse(&DEFAULT_TTL, raw.default_ttl, |raw| {
            Ttl::new(seconds(0.001..=31_536_000.0)(raw)?).ok()
        });
        let enabled = problems.parse(&L1_ENABLED, raw.l1_enabled, boolean);
        let entries = problems.parse(
            &L1_MAX_ENTRIES,
            raw.l1_max_entries,
            integer(1..=1_000_000_000),
        );
        let megabytes = problems.parse(&L1_MAX_SIZE_MB, raw.l1_max_size_mb, integer(1..=1_000_000));
        let age = problems.parse(&L1_MAX_AGE, raw.l1_max_age, seconds(0.0..=3_600.0));
        let computations = problems.parse(
            &MAX_COMPUTATIONS,
            raw.max_computations,
            integer(1..=1_000_000),
        );
        Self {
            namespace: raw.namespace.unwrap_or_default(),
            default_ttl: ttl.unwrap_or(default.default_ttl),
            l1: L1Config {
                enabled: enabled.unwrap_or(default.l1.enabled),
                max_entries: entries.map_or(default.l1.max_entries, count),
                max_bytes: megabytes.map_or(default.l1.max_bytes, |mb| count(mb * BYTES_PER_MB)),
                max_age: age.unwrap_or(default.l1.max_age),
            },
            max_computations: computations.map_or(default.max_computations, count),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&str, &str)]) -> (Config, Problems) {
        let mut problems = Problems::default();
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        let vars = Vars::from_os(pairs, &mut problems);
        (Config::from_vars(&vars, &mut problems), problems)
    }

    #[test]
    fn nothing_set_means_the_documented_defaults() {
        let (config, problems) = read(&[]);
        assert!(problems.is_empty());
        assert_eq!(config, Config::default());
        let documented: Vec<_> = VARIABLES
            .iter()
            .map(|variable| (variable.name, variable.default))
            .collect();
        let (from_documented, problems) = read(&documented);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(from_documented, config);
    }

    #[test]
    fn every_problem_is_reported_at_once() {
        let (_, problems) = read(&[
            ("CACHEKIT_DEFAULT_TTL", "0"),
            ("CACHEKIT_L1_MAX_ENTRIES", "many"),
        ]);
        assert_eq!(problems.iter().count(), 2);
    }

    #[test]
    fn every_variable_changes_the_configuration() {
        let changed = [
            ("CACHEKIT_NAMESPACE", "shop"),
            ("CACHEKIT_DEFAULT_TTL", "1.5"),
            ("CACHEKIT_L1_ENABLED", "off"),
            ("CACHEKIT_L1_MAX_ENTRIES", "7"),
            ("CACHEKIT_L1_MAX_SIZE_MB", "7"),
            ("CACHEKIT_L1_MAX_AGE", "0"),
            ("CACHEKIT_MAX_COMPUTATIONS", "7"),
        ];
        assert_eq!(
            changed.map(|(name, _)| name),
            *VARIABLES.iter().map(|v| v.name).collect::<Vec<_>>()
        );
        for pair in changed {
            let (config, problems) = read(&[pair]);
            assert!(problems.is_empty(), "{problems}");
            assert_ne!(config, Config::default(), "{} changes nothing", pair.0);
        }
    }
}
