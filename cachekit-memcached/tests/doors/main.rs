//! Servers that one has to be let into: they ask for a password, or prove who they are with a
//! certificate.

mod password;
#[cfg(feature = "tls")]
mod tls;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cachekit_memcached::{Client, Config, Error, Ttl};

/// A new path for a file of this test.
fn path(name: &str) -> PathBuf {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let file = format!("{}-{number}-{name}", std::process::id());
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(file)
}

/// A new file with this text.
fn file(name: &str, text: &str) -> String {
    let path = path(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

/// A machine that is busy is no reason for a timeout.
fn patient(address: &str) -> Config {
    Config {
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(20),
        ..Config::of_servers([address]).unwrap()
    }
}

async fn works(config: Config) {
    let client = Client::new(config).unwrap();
    client.set("k", "v", Ttl::from_secs(60)).await.unwrap();
    assert_eq!(client.get("k").await.unwrap().unwrap().data, "v");
}

async fn error_of(config: Config) -> Error {
    Client::new(config).unwrap().get("k").await.unwrap_err()
}
