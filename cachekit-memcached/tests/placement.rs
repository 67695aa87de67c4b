//! Keys lie where pymemcache puts them.
//!
//! The vectors beside this file were made by pymemcache itself (`vectors/make.py`). Where
//! `CACHEKIT_VECTORS` names a folder, every file in it is read as well.

use std::collections::BTreeMap;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::sync::Once;

use cachekit_memcached::Server;
use cachekit_memcached::ring::{Rendezvous, murmur3_32};
use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
struct Placement {
    keys_file: String,
    sets: BTreeMap<String, Set>,
}

#[derive(Deserialize)]
struct Set {
    servers: Vec<Member>,
    node_names: Vec<String>,
    winner: Vec<usize>,
    /// Absent, as a whole or for a key, where the winner says it all.
    #[serde(default)]
    order: Option<Vec<Option<Vec<usize>>>>,
}

#[derive(Deserialize)]
struct Member {
    address: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<String>,
}

#[derive(Deserialize)]
struct Hashes {
    cases: Vec<Hash>,
}

#[derive(Deserialize)]
struct Hash {
    s: String,
    seed: u32,
    hash: u32,
}

fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors")
}

/// The folder of this project, and the one that the environment names.
fn folders() -> Vec<PathBuf> {
    static SAID: Once = Once::new();
    #[expect(
        clippy::disallowed_methods,
        reason = "a variable of the tests, not of the cache"
    )]
    let named = std::env::var_os("CACHEKIT_VECTORS").filter(|folder| !folder.is_empty());
    // Not by `eprintln!`, which is heard only when a test fails.
    SAID.call_once(|| {
        let _ = match &named {
            Some(folder) => writeln!(
                stderr(),
                "vectors: our own and those of {}",
                folder.display()
            ),
            None => writeln!(
                stderr(),
                "vectors: only our own, CACHEKIT_VECTORS is not set"
            ),
        };
    });
    // Cargo runs tests in the folder of their crate; the name is meant from the root.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    [Some(own_folder()), named.map(|folder| root.join(folder))]
        .into_iter()
        .flatten()
        .collect()
}

/// Every JSON file of `folder`.
fn files(folder: &Path) -> Vec<(PathBuf, Value)> {
    let entries = std::fs::read_dir(folder)
        .unwrap_or_else(|error| panic!("folder of vectors {}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "json")
    });
    paths.sort();
    let read = |path: PathBuf| {
        let value = serde_json::from_slice(&std::fs::read(&path).unwrap());
        let value = value.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (path, value)
    };
    paths.into_iter().map(read).collect()
}

fn parsed<T: for<'de> Deserialize<'de>>(path: &Path, value: Value) -> T {
    serde_json::from_value(value).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// How many keys of `set` lie elsewhere, by winner and by order.
fn misplaced(set: &Set, keys: &[String]) -> usize {
    let servers: Vec<Server> = set
        .servers
        .iter()
        .map(|member| member.address.parse().unwrap())
        .collect();
    let names: Vec<&str> = servers.iter().map(Server::name).collect();
    assert_eq!(names, set.node_names);
    assert_eq!(set.winner.len(), keys.len());
    let ring = Rendezvous::new(names);
    let wrong = |index: usize| {
        let key = &keys[index];
        let order: Vec<usize> = ring.order(key).collect();
        let expected = set.order.as_ref().and_then(|orders| orders[index].as_ref());
        ring.owner(key) != Some(set.winner[index])
            || order.first() != Some(&set.winner[index])
            || order.len() != set.servers.len()
            // An order may be recorded in part.
            || expected.is_some_and(|expected| !order.starts_with(expected))
    };
    (0..keys.len()).filter(|&index| wrong(index)).count()
}

#[test]
fn every_key_of_every_set_lies_where_pymemcache_puts_it() {
    let mut sets = 0;
    for folder in folders() {
        for (path, value) in files(&folder) {
            if value["algorithm"] != "pymemcache-rendezvous" {
                continue;
            }
            let placement: Placement = parsed(&path, value);
            let keys_path = folder.join(&placement.keys_file);
            let keys = serde_json::from_slice(&std::fs::read(&keys_path).unwrap()).unwrap();
            let Keys { keys } = parsed(&keys_path, keys);
            for (name, set) in &placement.sets {
                assert_eq!(
                    misplaced(set, &keys),
                    0,
                    "misplaced, {}: {name}",
                    path.display()
                );
                println!(
                    "{}: {name}: {} keys, 0 misplaced",
                    path.display(),
                    keys.len()
                );
                sets += 1;
            }
        }
    }
    assert!(sets > 0, "no set was read");
}

#[test]
fn the_project_has_sets_with_ties_ipv6_unix_sockets_and_keys_that_are_not_ascii() {
    let read = |file: &str| std::fs::read(own_folder().join(file)).unwrap();
    let Keys { keys } = serde_json::from_slice(&read("keys.json")).unwrap();
    let placement: Placement = serde_json::from_slice(&read("rendezvous.json")).unwrap();
    for name in ["tied", "tied-reversed", "ipv6", "unix", "mixed"] {
        assert!(placement.sets.contains_key(name), "{name}");
    }
    assert!(keys.iter().any(|key| key.chars().any(|c| c > '\u{ffff}')));
    let tied = |key: &&String| {
        let score = |node: &str| murmur3_32(format!("{node}-{key}").bytes(), 0);
        key.is_ascii() && score("10.0.0.1:11211") == score("10.0.0.10:11211")
    };
    assert!(keys.iter().any(|key| tied(&key)), "no tie among the keys");
}

#[test]
#[expect(
    clippy::cast_possible_truncation,
    reason = "the lowest eight bits are what is hashed"
)]
fn the_hash_is_murmur3_of_the_lowest_eight_bits_of_each_character() {
    let mut cases = 0;
    for folder in folders() {
        for (path, value) in files(&folder) {
            if !value["cases"][0]["seed"].is_number() {
                continue;
            }
            for Hash { s, seed, hash } in parsed::<Hashes>(&path, value).cases {
                let bytes = s.chars().map(|c| u32::from(c) as u8);
                assert_eq!(murmur3_32(bytes, seed), hash, "seed {seed}, {s:?}");
                cases += 1;
            }
        }
    }
    assert!(cases > 100, "only {cases} cases were read");
}
