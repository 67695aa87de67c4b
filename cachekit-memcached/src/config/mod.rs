//! What a deployment decides, and the variables that say it.

mod server;
mod variables;

use std::time::Duration;

use cachekit_core::env::{self, Problems, Vars};
use cachekit_core::error::{Error, ErrorKind, Result};
use serde::Deserialize;

pub use server::{Address, InvalidServer, Server};
pub use variables::{
    CONNECT_TIMEOUT, FAILOVER, HASH_PREFIX, HASHING, KEY_PREFIX, MAX_ITEM_SIZE_BYTES,
    MAX_POOL_SIZE, PREFIX, PROTOCOL, RETRY_ATTEMPTS, SERVERS, TIMEOUT, VARIABLES,
};

/// The longest key prefix, in bytes: enough of a key's 250 must be left for the key.
pub const MAX_KEY_PREFIX: usize = 128;

const SECONDS: std::ops::RangeInclusive<f64> = 0.1..=30.0;
const POOL_SIZES: std::ops::RangeInclusive<u64> = 1..=100;
const ATTEMPTS: std::ops::RangeInclusive<u64> = 0..=10;
const ITEM_SIZES: std::ops::RangeInclusive<u64> = 1_024..=1_073_741_824;

/// How to reach the servers, and what to do when that fails.
///
/// `Default` is what an empty environment gives. The ranges are checked by
/// [`Memcached::new`](crate::Memcached::new).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The servers: at least one, none twice. Default: `127.0.0.1:11211`.
    pub servers: Vec<Server>,
    /// How long making a connection may take, 0.1 to 30 s. Default: 2 s.
    pub connect_timeout: Duration,
    /// How long a whole call may take, its retries included, 0.1 to 30 s. Default: 1 s.
    pub timeout: Duration,
    /// The most connections to one server, 1 to 100. Default: 10. Each tokio runtime that calls
    /// has one of its own; runtimes beyond this number share one with another, and wait in vain
    /// where that one stands still.
    pub max_pool_size: usize,
    /// After this many failures in a row a server is down, 0 to 10; 0 is taken for 1. Default: 2.
    pub retry_attempts: u32,
    /// In front of every key: at most [`MAX_KEY_PREFIX`] printable ASCII characters without
    /// spaces. Default: empty.
    pub key_prefix: String,
    /// Whether the prefix takes part in placing a key. Default: true.
    pub hash_prefix: bool,
    /// The `-I` of a server that does not tell its own, 1 KiB to 1 GiB. Default: 1 MiB.
    pub max_item_size: usize,
    /// Where the keys of a server go that is down. Default: [`Failover::Next`].
    pub failover: Failover,
    /// What is asked of a server first. Default: [`Protocol::Auto`].
    pub protocol: Protocol,
}

/// Where the keys of a server go that is down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failover {
    /// To the next server of the ring, where they live for at most 10 s.
    #[default]
    Next,
    /// Nowhere: reads miss and nobody leads, writes are errors.
    Miss,
    /// Back to the caller: everything is an error.
    Error,
}

/// What is asked of a server when a connection to it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// Its version, its limits and whether it counts CAS numbers. One before 1.6.10, and what
    /// does not know the meta commands at all, is spoken to as under [`Protocol::Classic`].
    #[default]
    Auto,
    /// Nothing but an empty meta command. The configured item size limit counts, and one run of a
    /// server is not told from the next: the write of a leader from before a restart may be taken.
    Meta,
    /// The same as under [`Protocol::Auto`], and then only the classic commands are used, which
    /// every proxy knows. They tell no times and give no leads: everybody computes what is missing,
    /// and what expires is removed.
    Classic,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            servers: vec!["127.0.0.1:11211".parse().expect("a valid server")],
            connect_timeout: Duration::from_secs(2),
            timeout: Duration::from_secs(1),
            max_pool_size: 10,
            retry_attempts: 2,
            key_prefix: String::new(),
            hash_prefix: true,
            max_item_size: 1_048_576,
            failover: Failover::default(),
            protocol: Protocol::default(),
        }
    }
}

/// The variables as they are set, one field for each.
#[derive(Deserialize)]
struct Section {
    servers: Option<String>,
    connect_timeout: Option<String>,
    timeout: Option<String>,
    max_pool_size: Option<String>,
    retry_attempts: Option<String>,
    key_prefix: Option<String>,
    hash_prefix: Option<String>,
    max_item_size_bytes: Option<String>,
    hashing: Option<String>,
    failover: Option<String>,
    protocol: Option<String>,
}

impl Config {
    /// The defaults, with these servers.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidInput`] names the server that is none.
    pub fn of_servers<S: AsRef<str>>(servers: impl IntoIterator<Item = S>) -> Result<Self> {
        let servers: Result<Vec<Server>, InvalidServer> = servers
            .into_iter()
            .map(|server| server.as_ref().parse())
            .collect();
        let servers = servers.map_err(|invalid| self::invalid(invalid.to_string()))?;
        Ok(Self {
            servers,
            ..Self::default()
        })
    }

    /// Reads `CACHEKIT_MEMCACHED_*`. Where a variable is unset, or adds a problem, the default
    /// stands. Reaches for no server.
    #[must_use]
    pub fn from_vars(vars: &Vars, problems: &mut Problems) -> Self {
        let set: Section = vars.section(PREFIX);
        let ours = Self::default();
        let _: Option<()> = problems.parse(&HASHING, set.hashing, rendezvous);
        Self {
            servers: servers(set.servers, problems).unwrap_or(ours.servers),
            connect_timeout: problems
                .parse(&CONNECT_TIMEOUT, set.connect_timeout, env::seconds(SECONDS))
                .unwrap_or(ours.connect_timeout),
            timeout: problems
                .parse(&TIMEOUT, set.timeout, env::seconds(SECONDS))
                .unwrap_or(ours.timeout),
            max_pool_size: problems
                .parse(&MAX_POOL_SIZE, set.max_pool_size, whole(POOL_SIZES))
                .unwrap_or(ours.max_pool_size),
            retry_attempts: problems
                .parse(&RETRY_ATTEMPTS, set.retry_attempts, whole(ATTEMPTS))
                .unwrap_or(ours.retry_attempts),
            key_prefix: problems
                .parse(&KEY_PREFIX, set.key_prefix, key_prefix)
                .unwrap_or(ours.key_prefix),
            hash_prefix: problems
                .parse(&HASH_PREFIX, set.hash_prefix, env::boolean)
                .unwrap_or(ours.hash_prefix),
            max_item_size: problems
                .parse(
                    &MAX_ITEM_SIZE_BYTES,
                    set.max_item_size_bytes,
                    whole(ITEM_SIZES),
                )
                .unwrap_or(ours.max_item_size),
            failover: problems
                .parse(&FAILOVER, set.failover, failover)
                .unwrap_or(ours.failover),
            protocol: problems
                .parse(&PROTOCOL, set.protocol, protocol)
                .unwrap_or(ours.protocol),
        }
    }

    /// Checks what types cannot.
    pub(crate) fn check(&self) -> Result<()> {
        let seconds = |time: Duration| SECONDS.contains(&time.as_secs_f64());
        let within = |number: usize, range: std::ops::RangeInclusive<u64>| {
            u64::try_from(number).is_ok_and(|number| range.contains(&number))
        };
        if let Err(problem) = server::check(&self.servers) {
            return Err(invalid(problem));
        }
        if !seconds(self.connect_timeout) || !seconds(self.timeout) {
            return Err(invalid("a timeout outside 0.1 to 30 s"));
        }
        if !within(self.max_pool_size, POOL_SIZES) {
            return Err(invalid("max_pool_size outside 1 to 100"));
        }
        if !ATTEMPTS.contains(&u64::from(self.retry_attempts)) {
            return Err(invalid("retry_attempts outside 0 to 10"));
        }
        if !within(self.max_item_size, ITEM_SIZES) {
            return Err(invalid("max_item_size outside 1 KiB to 1 GiB"));
        }
        if key_prefix(&self.key_prefix).is_none() {
            return Err(invalid(
                "key_prefix too long, or not printable ASCII without spaces",
            ));
        }
        Ok(())
    }
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::with_detail(ErrorKind::InvalidInput, "memcached config", detail)
}

fn servers(raw: Option<String>, problems: &mut Problems) -> Option<Vec<Server>> {
    let raw = raw?;
    match server::parse_list(&raw) {
        Ok(servers) => Some(servers),
        Err(problem) => {
            let expected = format!("{} ({problem})", SERVERS.expected);
            problems.add(SERVERS.name, Some(&raw), expected);
            None
        }
    }
}

fn whole<T: TryFrom<u64>>(range: std::ops::RangeInclusive<u64>) -> impl Fn(&str) -> Option<T> {
    let parse = env::integer(range);
    move |raw| T::try_from(parse(raw)?).ok()
}

fn key_prefix(raw: &str) -> Option<String> {
    let valid = raw.len() <= MAX_KEY_PREFIX && raw.bytes().all(|byte| byte.is_ascii_graphic());
    valid.then(|| raw.to_owned())
}

fn rendezvous(raw: &str) -> Option<()> {
    raw.eq_ignore_ascii_case("rendezvous").then_some(())
}

fn failover(raw: &str) -> Option<Failover> {
    match raw.to_ascii_lowercase().as_str() {
        "next" => Some(Failover::Next),
        "miss" => Some(Failover::Miss),
        "error" => Some(Failover::Error),
        _ => None,
    }
}

fn protocol(raw: &str) -> Option<Protocol> {
    match raw.to_ascii_lowercase().as_str() {
        "auto" => Some(Protocol::Auto),
        "meta" => Some(Protocol::Meta),
        "classic" => Some(Protocol::Classic),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(pairs: &[(&str, &str)]) -> (Config, Problems) {
        let mut problems = Problems::default();
        let pairs = pairs
            .iter()
            .map(|(name, value)| ((PREFIX.to_owned() + name).into(), value.into()));
        let vars = Vars::from_os(pairs, &mut problems);
        let config = Config::from_vars(&vars, &mut problems);
        (config, problems)
    }

    #[test]
    fn an_empty_environment_gives_the_documented_defaults() {
        let (config, problems) = config(&[]);
        assert!(problems.is_empty());
        assert_eq!(config, Config::default());
        let documented: Vec<_> = VARIABLES
            .iter()
            .map(|v| (&v.name[PREFIX.len()..], v.default))
            .collect();
        let (documented, problems) = self::config(&documented);
        assert!(problems.is_empty(), "{problems}");
        assert_eq!(documented, config);
    }

    #[test]
    fn every_variable_is_read() {
        let (config, problems) = config(&[
            ("SERVERS", "a=mc1:1, mc2"),
            ("CONNECT_TIMEOUT", "0.5"),
            ("TIMEOUT", "30"),
            ("MAX_POOL_SIZE", "100"),
            ("RETRY_ATTEMPTS", "0"),
            ("KEY_PREFIX", "app:"),
            ("HASH_PREFIX", "no"),
            ("MAX_ITEM_SIZE_BYTES", "4194304"),
            ("HASHING", "rendezvous"),
            ("FAILOVER", "miss"),
            ("PROTOCOL", "meta"),
        ]);
        assert!(problems.is_empty(), "{problems}");
        let expected = Config {
            servers: vec!["a=mc1:1".parse().unwrap(), "mc2:11211".parse().unwrap()],
            connect_timeout: Duration::from_millis(500),
            timeout: Duration::from_secs(30),
            max_pool_size: 100,
            retry_attempts: 0,
            key_prefix: "app:".to_owned(),
            hash_prefix: false,
            max_item_size: 4_194_304,
            failover: Failover::Miss,
            protocol: Protocol::Meta,
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn every_problem_is_reported_at_once_and_the_default_stands() {
        let wrong = [
            ("SERVERS", "mc1:0"),
            ("CONNECT_TIMEOUT", "0.05"),
            ("TIMEOUT", "31"),
            ("MAX_POOL_SIZE", "0"),
            ("RETRY_ATTEMPTS", "11"),
            ("KEY_PREFIX", "a b"),
            ("HASH_PREFIX", "perhaps"),
            ("MAX_ITEM_SIZE_BYTES", "1023"),
            ("HASHING", "ketama"),
            ("FAILOVER", "pray"),
            ("PROTOCOL", "binary"),
        ];
        let (config, problems) = config(&wrong);
        assert_eq!(config, Config::default());
        assert_eq!(problems.iter().count(), wrong.len());
        for (problem, (name, value)) in problems.iter().zip(wrong) {
            let named = wrong
                .iter()
                .any(|(name, _)| problem.variable == PREFIX.to_owned() + name);
            assert!(named, "{problem}");
            assert!(
                problems
                    .to_string()
                    .contains(&format!("{PREFIX}{name}={value:?}"))
            );
        }
    }

    #[test]
    fn what_is_built_by_hand_is_checked_too() {
        assert!(Config::default().check().is_ok());
        let default = Config::default;
        let wrong = [
            Config {
                servers: Vec::new(),
                ..default()
            },
            Config {
                timeout: Duration::ZERO,
                ..default()
            },
            Config {
                connect_timeout: Duration::MAX,
                ..default()
            },
            Config {
                max_pool_size: 0,
                ..default()
            },
            Config {
                retry_attempts: 11,
                ..default()
            },
            Config {
                max_item_size: 1,
                ..default()
            },
            Config {
                key_prefix: "a\r\nflush_all".to_owned(),
                ..default()
            },
            Config {
                key_prefix: "p".repeat(MAX_KEY_PREFIX + 1),
                ..default()
            },
        ];
        for config in wrong {
            assert_eq!(
                config.check().unwrap_err().kind(),
                ErrorKind::InvalidInput,
                "{config:?}"
            );
        }
    }
}
