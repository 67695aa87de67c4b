//! The environment variables of this crate.

use cachekit_core::env::Variable;

/// What the variables of this crate begin with.
pub const PREFIX: &str = "CACHEKIT_MEMCACHED_";

/// `CACHEKIT_MEMCACHED_SERVERS`
pub const SERVERS: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_SERVERS",
    default: r#"["127.0.0.1:11211"]"#,
    expected: "a JSON array or a comma list of `host`, `host:port`, `[v6]:port` or `unix:/path`, \
               each with or without `name=` in front and `*weight` behind, none of them twice",
    about: "The memcached servers. Keys are placed by `name`, or else by the address. A server \
            with `*3` gets three times the keys of one with `*1`, the default; weights need \
            `CACHEKIT_MEMCACHED_HASHING=ketama`.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_CONNECT_TIMEOUT`
pub const CONNECT_TIMEOUT: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_CONNECT_TIMEOUT",
    default: "2.0",
    expected: "seconds between 0.1 and 30, such as 1.5",
    about: "How long a connection may take to be made, its first exchange included.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_TIMEOUT`
pub const TIMEOUT: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_TIMEOUT",
    default: "1.0",
    expected: "seconds between 0.1 and 30, such as 1.5",
    about: "How long a whole call may take, its retries included.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_MAX_POOL_SIZE`
pub const MAX_POOL_SIZE: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_MAX_POOL_SIZE",
    default: "10",
    expected: "a whole number between 1 and 100",
    about: "The most connections to one server. Each tokio runtime that calls has one of its own, \
            shared by all its callers, and more of them for large values and while there is much \
            to do; runtimes for which there is no more room share one with another, and wait in \
            vain where that one stands still.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_RETRY_ATTEMPTS`
pub const RETRY_ATTEMPTS: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_RETRY_ATTEMPTS",
    default: "2",
    expected: "a whole number between 0 and 10",
    about: "After this many failures in a row a server counts as down (0: after the first). One \
            that refuses connections is down at once.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_KEY_PREFIX`
pub const KEY_PREFIX: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_KEY_PREFIX",
    default: "",
    expected: "at most 128 printable ASCII characters without spaces",
    about: "Stands in front of every key and counts against the 250 bytes of a key.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_HASH_PREFIX`
pub const HASH_PREFIX: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_HASH_PREFIX",
    default: "true",
    expected: "true or false",
    about: "Whether the prefix takes part in placing a key: true as cachekit-py does, false as \
            pymemcache's own `key_prefix` does.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_MAX_ITEM_SIZE_BYTES`
pub const MAX_ITEM_SIZE_BYTES: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_MAX_ITEM_SIZE_BYTES",
    default: "1048576",
    expected: "a whole number between 1024 and 1073741824",
    about: "The item size limit (`-I`) of a server that does not tell its own.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_HASHING`
pub const HASHING: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_HASHING",
    default: "rendezvous",
    expected: "`rendezvous` or `ketama`",
    about: "How keys are placed on servers: exactly as pymemcache does (`rendezvous`), or exactly \
            as libmemcached does with `KETAMA_WEIGHTED` (`ketama`).",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_FAILOVER`
pub const FAILOVER: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_FAILOVER",
    default: "next",
    expected: "`next`, `miss` or `error`",
    about: "Where the keys of a server that is down go: to the next one, for at most 10 s each; \
            nowhere, so that they are missed; or back to the caller as an error.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_PROTOCOL`
pub const PROTOCOL: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_PROTOCOL",
    default: "auto",
    expected: "`auto`, `meta` or `classic`",
    about: "`auto` asks every server for its version and its limits, and uses the classic commands \
            where it is before 1.6.10 or knows no others; `meta` asks for neither, for proxies \
            that speak only the meta commands; `classic` uses the classic commands.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_USERNAME`
pub const USERNAME: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_USERNAME",
    default: "",
    expected: "at most 256 bytes without white space and `:`, where there is a password",
    about: "The user of servers that ask for one (memcached's `-Y`).",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_PASSWORD`
pub const PASSWORD: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_PASSWORD",
    default: "",
    expected: "at most 256 bytes without white space, where there is a user name",
    about: "The password of that user. It is never shown.",
    secret: true,
};

/// `CACHEKIT_MEMCACHED_TLS`
pub const TLS: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_TLS",
    default: "false",
    expected: "true or false",
    about: "Whether connections over TCP are encrypted, and servers have to prove that they are the \
            host of their address. True needs the feature `tls`.",
    secret: false,
};

/// `CACHEKIT_MEMCACHED_TLS_CA_FILE`
pub const TLS_CA_FILE: Variable = Variable {
    name: "CACHEKIT_MEMCACHED_TLS_CA_FILE",
    default: "",
    expected: "the path of a PEM file",
    about: "The certificates of who may vouch for a server. Without it: those that the platform \
            trusts.",
    secret: false,
};

/// Every variable of this crate.
pub const VARIABLES: &[Variable] = &[
    SERVERS,
    CONNECT_TIMEOUT,
    TIMEOUT,
    MAX_POOL_SIZE,
    RETRY_ATTEMPTS,
    KEY_PREFIX,
    HASH_PREFIX,
    MAX_ITEM_SIZE_BYTES,
    HASHING,
    FAILOVER,
    PROTOCOL,
    USERNAME,
    PASSWORD,
    TLS,
    TLS_CA_FILE,
];
