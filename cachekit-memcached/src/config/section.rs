//! The configuration as the environment gives it.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use cachekit_core::env::{self, Problems, Vars};
use serde::Deserialize;

use super::variables::{
    CONNECT_TIMEOUT, FAILOVER, HASH_PREFIX, HASHING, KEY_PREFIX, MAX_ITEM_SIZE_BYTES,
    MAX_POOL_SIZE, PASSWORD, PREFIX, PROTOCOL, RETRY_ATTEMPTS, SERVERS, TIMEOUT, TLS, TLS_CA_FILE,
    USERNAME,
};
use super::{
    ATTEMPTS, Config, Credentials, Failover, HAS_TLS, Hashing, ITEM_SIZES, NO_TLS, POOL_SIZES,
    Protocol, SECONDS, Server, Tls, credentials, is_key_prefix, servers,
};

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
    username: Option<String>,
    password: Option<String>,
    tls: Option<String>,
    tls_ca_file: Option<String>,
}

impl Config {
    /// Reads `CACHEKIT_MEMCACHED_*`. Where a variable is unset, or adds a problem, the default
    /// stands. Reaches for no server.
    #[must_use]
    pub fn from_vars(vars: &Vars, problems: &mut Problems) -> Self {
        let set: Section = vars.section(PREFIX);
        let ours = Self::default();
        let hashing = problems
            .parse(&HASHING, set.hashing, hashing)
            .unwrap_or(ours.hashing);
        Self {
            servers: servers(set.servers, hashing, problems).unwrap_or(ours.servers),
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
                .parse(&KEY_PREFIX, set.key_prefix, text(is_key_prefix))
                .unwrap_or(ours.key_prefix),
            hash_prefix: problems
                .parse(&HASH_PREFIX, set.hash_prefix, env::boolean)
                .unwrap_or(ours.hash_prefix),
            binary_keys: ours.binary_keys,
            max_item_size: problems
                .parse(
                    &MAX_ITEM_SIZE_BYTES,
                    set.max_item_size_bytes,
                    whole(ITEM_SIZES),
                )
                .unwrap_or(ours.max_item_size),
            hashing,
            failover: problems
                .parse(&FAILOVER, set.failover, failover)
                .unwrap_or(ours.failover),
            protocol: problems
                .parse(&PROTOCOL, set.protocol, protocol)
                .unwrap_or(ours.protocol),
            credentials: credentials(set.username, set.password, problems),
            tls: tls(set.tls, set.tls_ca_file, problems),
        }
    }
}

fn servers(raw: Option<String>, hashing: Hashing, problems: &mut Problems) -> Option<Vec<Server>> {
    let raw = raw?;
    let checked = servers::parse(&raw).and_then(|servers| {
        let wrong = servers::check(&servers, hashing);
        if wrong.is_empty() {
            Ok(servers)
        } else {
            Err(wrong.join("; "))
        }
    });
    let expected = |problem| format!("{} ({problem})", SERVERS.expected);
    checked
        .map_err(|problem| problems.add(SERVERS.name, Some(&raw), expected(problem)))
        .ok()
}

/// Both or neither.
fn credentials(
    username: Option<String>,
    password: Option<String>,
    problems: &mut Problems,
) -> Option<Credentials> {
    let given = (username.is_some(), password.is_some());
    let username = problems.parse(&USERNAME, username, text(credentials::is_username));
    let password = problems.parse(&PASSWORD, password, text(credentials::is_password));
    match given {
        (true, false) => problems.add(PASSWORD.name, Some(""), "a password for the user name"),
        (false, true) => problems.add(USERNAME.name, Some(""), "a user name for the password"),
        _ => {}
    }
    Credentials::new(username?, password?).ok()
}

fn tls(on: Option<String>, ca_file: Option<String>, problems: &mut Problems) -> Option<Tls> {
    let raw = on.clone();
    let on = problems.parse(&TLS, on, env::boolean).unwrap_or(false);
    if on && !HAS_TLS {
        problems.add(TLS.name, raw.as_deref(), format!("false: {NO_TLS}"));
        return None;
    }
    if !on && raw.is_none() && ca_file.is_some() {
        let expected = format!("unset, or {}=true beside it", TLS.name);
        problems.add(TLS_CA_FILE.name, ca_file.as_deref(), expected);
    }
    on.then(|| Tls {
        ca_file: ca_file.map(PathBuf::from),
    })
}

fn whole<T: TryFrom<u64>>(range: RangeInclusive<u64>) -> impl Fn(&str) -> Option<T> {
    let parse = env::integer(range);
    move |raw| T::try_from(parse(raw)?).ok()
}

fn text(is_valid: impl Fn(&str) -> bool) -> impl Fn(&str) -> Option<String> {
    move |raw| is_valid(raw).then(|| raw.to_owned())
}

fn hashing(raw: &str) -> Option<Hashing> {
    match raw.to_ascii_lowercase().as_str() {
        "rendezvous" => Some(Hashing::Rendezvous),
        "ketama" => Some(Hashing::Ketama),
        _ => None,
    }
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
