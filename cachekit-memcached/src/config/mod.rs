//! What a deployment decides, and the variables that say it.

mod credentials;
mod section;
mod server;
mod servers;
#[cfg(test)]
mod tests;
mod variables;

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use cachekit_core::error::{Error, ErrorKind, Result};

pub use credentials::Credentials;
pub use server::{Address, InvalidServer, Server};
pub use variables::{
    CONNECT_TIMEOUT, FAILOVER, HASH_PREFIX, HASHING, KEY_PREFIX, MAX_ITEM_SIZE_BYTES,
    MAX_POOL_SIZE, PASSWORD, PREFIX, PROTOCOL, RETRY_ATTEMPTS, SERVERS, TIMEOUT, TLS, TLS_CA_FILE,
    USERNAME, VARIABLES,
};

/// The longest key prefix, in bytes: enough of a key's 250 must be left for the key.
pub const MAX_KEY_PREFIX: usize = 128;

const SECONDS: RangeInclusive<f64> = 0.1..=30.0;
const POOL_SIZES: RangeInclusive<u64> = 1..=100;
const ATTEMPTS: RangeInclusive<u64> = 0..=10;
const ITEM_SIZES: RangeInclusive<u64> = 1_024..=1_073_741_824;

const HAS_TLS: bool = cfg!(feature = "tls");
const NO_TLS: &str = "TLS was left out of this program: it needs the feature `tls`";

/// How to reach the servers, and what to do when that fails.
///
/// `Default` is what an empty environment gives. The ranges are checked by
/// [`Client::new`](crate::Client::new) and [`Memcached::new`](crate::Memcached::new).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The servers: at least one, none twice. Default: `127.0.0.1:11211`.
    pub servers: Vec<Server>,
    /// How long making a connection may take, 0.1 to 30 s. Default: 2 s.
    pub connect_timeout: Duration,
    /// How long a whole call may take, its retries included, 0.1 to 30 s. Default: 1 s.
    pub timeout: Duration,
    /// The most connections to one server, 1 to 100. Default: 10. Each tokio runtime that calls
    /// has one of its own, and more of them for large values and while there is much to do;
    /// runtimes for which there is no more room share one with another, and wait in vain where
    /// that one stands still.
    pub max_pool_size: usize,
    /// After this many failures in a row a server is down, 0 to 10; 0 is taken for 1. Default: 2.
    pub retry_attempts: u32,
    /// In front of every key: at most [`MAX_KEY_PREFIX`] printable ASCII characters without
    /// spaces. Default: empty.
    pub key_prefix: String,
    /// Whether the prefix takes part in placing a key. Default: true.
    pub hash_prefix: bool,
    /// How keys are written that cannot be sent as they are; no variable says it. Default:
    /// [`BinaryKeys::Hashed`].
    pub binary_keys: BinaryKeys,
    /// The `-I` of a server that does not tell its own, 1 KiB to 1 GiB. Default: 1 MiB.
    pub max_item_size: usize,
    /// How keys are placed on the servers. Default: [`Hashing::Rendezvous`].
    pub hashing: Hashing,
    /// Where the keys of a server go that is down. Default: [`Failover::Next`].
    pub failover: Failover,
    /// What is asked of a server first. Default: [`Protocol::Auto`].
    pub protocol: Protocol,
    /// What every new connection begins with. Default: nothing.
    pub credentials: Option<Credentials>,
    /// How connections over TCP are encrypted. Default: not at all.
    pub tls: Option<Tls>,
}

/// How keys are placed on the servers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hashing {
    /// As pymemcache places. All servers have the same share.
    #[default]
    Rendezvous,
    /// As libmemcached places with `KETAMA_WEIGHTED` (in PHP: `LIBKETAMA_COMPATIBLE`). Each server
    /// has a share by its weight.
    Ketama,
}

/// How keys are written that have spaces or control bytes in them, or are no UTF-8. The keys of a
/// cache are never like that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum BinaryKeys {
    /// As their readable beginning and a BLAKE3 hash. Clients that do not do the same do not find
    /// them.
    #[default]
    Hashed,
    /// In base64, which servers with the meta commands decode (`b`); the others are an error. With
    /// the prefix they may have 186 bytes; longer ones are hashed.
    Base64,
}

/// How connections over TCP are encrypted: the server proves with a certificate that it is the
/// host of its address. Unix sockets are not encrypted. Needs the feature `tls`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tls {
    /// The certificates (PEM) of who may vouch for a server; `None`: those that the platform
    /// trusts. Read once, when the client is made.
    pub ca_file: Option<PathBuf>,
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
    /// every proxy knows. What hangs up on a `version` or a `stats` that it does not know, as
    /// twemproxy does, is not served. They tell no times and give no leads: everybody computes what is missing,
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
            binary_keys: BinaryKeys::default(),
            max_item_size: 1_048_576,
            hashing: Hashing::default(),
            failover: Failover::default(),
            protocol: Protocol::default(),
            credentials: None,
            tls: None,
        }
    }
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

    /// Everything that is wrong and that types do not rule out.
    pub(crate) fn check(&self) -> Result<()> {
        let mut problems = servers::check(&self.servers, self.hashing);
        let mut require = |holds: bool, problem: &str| {
            if !holds {
                problems.push(problem.to_owned());
            }
        };
        let seconds = |time: Duration| SECONDS.contains(&time.as_secs_f64());
        let within = |number: usize, range: &RangeInclusive<u64>| {
            u64::try_from(number).is_ok_and(|number| range.contains(&number))
        };
        require(
            seconds(self.connect_timeout) && seconds(self.timeout),
            "a timeout outside 0.1 to 30 s",
        );
        require(
            within(self.max_pool_size, &POOL_SIZES),
            "max_pool_size outside 1 to 100",
        );
        require(
            ATTEMPTS.contains(&u64::from(self.retry_attempts)),
            "retry_attempts outside 0 to 10",
        );
        require(
            within(self.max_item_size, &ITEM_SIZES),
            "max_item_size outside 1 KiB to 1 GiB",
        );
        require(
            is_key_prefix(&self.key_prefix),
            "key_prefix too long, or not printable ASCII without spaces",
        );
        require(self.tls.is_none() || HAS_TLS, NO_TLS);
        if problems.is_empty() {
            Ok(())
        } else {
            Err(invalid(problems.join("; ")))
        }
    }
}

fn is_key_prefix(text: &str) -> bool {
    text.len() <= MAX_KEY_PREFIX && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn invalid(detail: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::with_detail(ErrorKind::InvalidInput, "memcached config", detail)
}
