//! What other clients write is read here, and the reverse: the same servers, the same bytes, the
//! same client flags.
//!
//! The others are pymemcache (rendezvous) and pylibmc (libmemcached; ketama), from PyPI, in a
//! virtual environment below `target`. Where that cannot be made, the tests say so and pass.

#![cfg(unix)]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::time::Duration;

use cachekit_memcached::testkit::{Server, addresses};
use cachekit_memcached::{Client, Config, Hashing, Payload, Ttl, Value};

const TTL: Ttl = Ttl::from_secs(300);
const PACKAGES: [&str; 2] = ["pymemcache==4.0.0", "pylibmc==1.6.3"];

/// What both Python clients mark text with; bytes have no mark.
const TEXT: u32 = 16;

/// The Python of the environment, or why there is none.
static PYTHON: LazyLock<Result<PathBuf, String>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("interop");
    let python = folder.join("bin/python");
    let has_both = || run(Command::new(&python).args(["-c", "import pymemcache, pylibmc"]));
    if has_both().is_err() {
        run(Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder))?;
        let install = ["-m", "pip", "install", "--quiet", "--only-binary", ":all:"];
        run(Command::new(&python).args(install).args(PACKAGES))?;
        has_both()?;
    }
    Ok(python)
});

/// A key, the type of its value in Python, and the value.
type Item = (String, &'static str, String);

/// The output of a program, or why there is none.
fn run(command: &mut Command) -> Result<String, String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.trim().lines().last().unwrap_or_default();
    Err(format!("{command:?}: {last}"))
}

/// Items of every type, under keys of many lengths and alphabets.
fn items() -> Vec<Item> {
    let keys = (0..400).map(|number| match number % 8 {
        0 => format!("benutzer:{number}:größe"),
        1 => format!("ключ-{number}"),
        2 => format!("鍵{number}"),
        3 => format!("🔑{number}"),
        4 => format!("{number}:{}", "k".repeat(240)),
        5 => format!("app:users:profile:{number}"),
        6 => number.to_string(),
        _ => format!("a|b;c~{number}\"'"),
    });
    let item = |(number, key)| match number % 4 {
        0 => (key, "int", format!("-1{number}")),
        1 => (key, "bytes", format!("bytes of {number}\r\n")),
        2 => (key, "bytes", String::new()),
        _ => (key, "str", format!("text of {number}: é, 値")),
    };
    keys.enumerate().map(item).collect()
}

/// The other client, and what its servers are called for it and for us.
struct Peer {
    library: &'static str,
    /// What it marks an integer with.
    integer: u32,
    file: PathBuf,
    theirs: Vec<String>,
    ours: Config,
}

impl Peer {
    fn flags(&self, kind: &str) -> u32 {
        match kind {
            "str" => TEXT,
            "int" => self.integer,
            _ => 0,
        }
    }

    fn check(&self, items: &[Item], found: Vec<cachekit_memcached::Result<Option<Value>>>) {
        for ((key, kind, value), found) in items.iter().zip(found) {
            let found = found.unwrap();
            let found = found.unwrap_or_else(|| panic!("{key} is not where it should be"));
            assert_eq!(
                (&found.data[..], found.flags),
                (value.as_bytes(), self.flags(kind)),
                "{key}"
            );
        }
    }

    fn does(&self, action: &str) -> Result<String, String> {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/clients.py");
        let mut command = Command::new(PYTHON.as_ref().map_err(Clone::clone)?);
        command
            .arg(script)
            .args([self.library, action])
            .arg(&self.file);
        run(command.args(&self.theirs))
    }

    /// They write and we read, in one batch and one by one; then the reverse, over the same keys.
    async fn agrees(&self, servers: &[Server]) {
        let mut items = items();
        std::fs::write(&self.file, serde_json::to_vec(&items).unwrap()).unwrap();
        let client = Client::new(self.ours.clone()).unwrap();
        self.does("write").unwrap();
        let keys: Vec<&str> = items.iter().map(|(key, ..)| key.as_str()).collect();
        self.check(&items, client.get_many(&keys).await);
        for item in &items {
            self.check(std::slice::from_ref(item), vec![client.get(&item.0).await]);
        }
        assert!(servers.iter().all(|server| server.stat("curr_items") > 20));

        // Not the items from before: each gets the value of another.
        items.reverse();
        let keys: Vec<String> = items.iter().rev().map(|(key, ..)| key.clone()).collect();
        for (item, key) in items.iter_mut().zip(keys) {
            item.0 = key;
        }
        std::fs::write(&self.file, serde_json::to_vec(&items).unwrap()).unwrap();
        let sets = items.iter().map(|(key, kind, value)| {
            let payload = Payload::new(value.clone(), self.flags(kind));
            (key.as_str(), payload)
        });
        for outcome in client.set_many(sets, TTL).await {
            outcome.unwrap();
        }
        assert_eq!(self.does("read").unwrap().trim(), items.len().to_string());
        let stored: u64 = servers.iter().map(|server| server.stat("curr_items")).sum();
        assert_eq!(stored, items.len() as u64, "no item lies on two servers");
    }
}

/// Says, where `cargo xtask test` hears it, that the other clients are not there.
fn is_missing() -> bool {
    let Err(reason) = PYTHON.as_ref() else {
        return false;
    };
    // Not by `println!`, which is heard only when a test fails.
    let line = format!("not run: interop with pymemcache and pylibmc: {reason}\n");
    let _ = std::io::stdout().write_all(line.as_bytes());
    true
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{}-{name}.json", std::process::id()))
}

/// A machine that is busy is no reason to look for a key elsewhere.
fn patient(servers: Vec<String>) -> Config {
    Config {
        timeout: Duration::from_secs(15),
        connect_timeout: Duration::from_secs(15),
        ..Config::of_servers(servers).unwrap()
    }
}

#[tokio::test]
async fn pymemcache_and_we_read_what_the_other_writes() {
    if is_missing() {
        return;
    }
    let servers = [Server::start(), Server::start(), Server::start()];
    let peer = Peer {
        library: "pymemcache",
        integer: 2,
        file: file("pymemcache"),
        theirs: addresses(&servers),
        ours: patient(addresses(&servers)),
    };
    peer.agrees(&servers).await;
}

#[tokio::test]
async fn libmemcached_and_we_read_what_the_other_writes() {
    if is_missing() {
        return;
    }
    let servers = [Server::start(), Server::start(), Server::start()];
    for weights in [[1, 1, 1], [3, 2, 1]] {
        let weighted = |mark: char| -> Vec<String> {
            let texts = addresses(&servers).into_iter().zip(weights);
            texts
                .map(|(address, weight)| format!("{address}{mark}{weight}"))
                .collect()
        };
        for server in &servers {
            let _ = server.command("flush_all", "OK\r\n");
        }
        let peer = Peer {
            library: "pylibmc",
            integer: 4,
            file: file("pylibmc"),
            theirs: weighted(':'),
            ours: Config {
                hashing: Hashing::Ketama,
                ..patient(weighted('*'))
            },
        };
        peer.agrees(&servers).await;
    }
}
