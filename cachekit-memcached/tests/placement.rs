//! Keys lie where pymemcache and libmemcached put them, and stay there as far as they can when a
//! server comes or goes.
//!
//! The vectors beside this file were made by pymemcache (`vectors/make.py`) and by libmemcached
//! (`vectors/make_ketama.py`) themselves. Where `CACHEKIT_VECTORS` names a folder, every file in
//! it is read as well.

use std::collections::BTreeMap;
use std::io::{Write as _, stderr};
use std::path::{Path, PathBuf};
use std::sync::Once;

use cachekit_memcached::ring::{Ring, murmur3_32};
use cachekit_memcached::{Hashing, Server};
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
    #[serde(default = "one")]
    weight: u32,
}

const fn one() -> u32 {
    1
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
fn misplaced(hashing: Hashing, set: &Set, keys: &[String]) -> usize {
    let servers: Vec<Server> = set
        .servers
        .iter()
        .map(|Member { address, weight }| format!("{address}*{weight}").parse().unwrap())
        .collect();
    let names: Vec<_> = servers.iter().map(|s| s.identity(hashing)).collect();
    assert_eq!(names, set.node_names);
    assert_eq!(set.winner.len(), keys.len());
    let ring = Ring::new(hashing, &servers);
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

/// Checks every set that `algorithm` has made; returns how many there are.
fn check_sets(algorithm: &str, hashing: Hashing) -> usize {
    let mut sets = 0;
    for folder in folders() {
        for (path, value) in files(&folder) {
            if value["algorithm"] != algorithm {
                continue;
            }
            let placement: Placement = parsed(&path, value);
            let keys_path = folder.join(&placement.keys_file);
            let keys = serde_json::from_slice(&std::fs::read(&keys_path).unwrap()).unwrap();
            let Keys { keys } = parsed(&keys_path, keys);
            for (name, set) in &placement.sets {
                let place = format!("{}: {name}", path.display());
                assert_eq!(misplaced(hashing, set, &keys), 0, "misplaced, {place}");
                println!("{place}: {} keys, 0 misplaced", keys.len());
                sets += 1;
            }
        }
    }
    sets
}

#[test]
fn every_key_of_every_set_lies_where_pymemcache_puts_it() {
    assert!(check_sets("pymemcache-rendezvous", Hashing::Rendezvous) > 0);
}

#[test]
fn every_key_of_every_set_lies_where_libmemcached_puts_it() {
    assert!(check_sets("libmemcached-ketama-weighted", Hashing::Ketama) > 0);
}

#[test]
fn a_named_server_that_moves_keeps_its_keys() {
    for hashing in [Hashing::Rendezvous, Hashing::Ketama] {
        let ring = |servers: [&str; 3]| {
            let servers = servers.map(|server| server.parse().unwrap());
            Ring::new(hashing, &servers)
        };
        let before = ring(["a=10.0.0.1", "b=10.0.0.2:1", "c=unix:/run/c"]);
        let after = ring(["a=10.0.1.1:7", "b=unix:/run/b", "c=[::1]"]);
        for number in 0..1_000 {
            let key = format!("key:{number}");
            assert!(before.order(&key).eq(after.order(&key)));
        }
    }
}

const KEYS: u32 = 5_000;

/// The share of the keys that move when server `gone` leaves or comes, and how much of that is not
/// its own.
fn moved(hashing: Hashing, servers: &[Server], gone: usize) -> (f64, f64) {
    let mut others = servers.to_vec();
    others.remove(gone);
    let (all, less) = (Ring::new(hashing, servers), Ring::new(hashing, &others));
    let (mut moved, mut needless) = (0, 0);
    for number in 0..KEYS {
        let key = format!("app:users:{number}");
        let before = all.owner(&key).unwrap();
        if servers[before] != others[less.owner(&key).unwrap()] {
            moved += 1;
            needless += u32::from(before != gone);
        }
    }
    let share = |keys: u32| f64::from(keys) / f64::from(KEYS);
    (share(moved), share(needless))
}

fn servers_of(weights: &[u32]) -> Vec<Server> {
    let server = |(number, weight)| format!("mc{number}*{weight}").parse().unwrap();
    weights.iter().enumerate().map(server).collect()
}

#[test]
fn a_server_that_comes_or_goes_moves_only_its_own_keys() {
    for weights in (2..=12).map(|count| vec![1; count]) {
        let servers = servers_of(&weights);
        let count: u32 = weights.iter().sum();
        let fair = 1.0 / f64::from(count);
        for hashing in [Hashing::Rendezvous, Hashing::Ketama] {
            // With 160 points, the share of a ketama node is only about fair.
            let slack = if hashing == Hashing::Ketama {
                0.04
            } else {
                0.01
            };
            let mut sum = 0.0;
            for gone in 0..servers.len() {
                let (moved, needless) = moved(hashing, &servers, gone);
                assert_eq!(needless, 0.0, "{hashing:?}, {gone} of {count}");
                assert!(
                    moved <= fair + slack,
                    "{hashing:?}, {gone} of {count}: {moved}"
                );
                sum += moved;
            }
            assert!(sum * fair <= fair + 0.01, "{hashing:?}, {count}: {sum}");
        }
    }
}

/// The points of a node are its share of all points, so the others gain some when a heavy node
/// goes and lose some when a light one does: that is how libmemcached places.
#[test]
fn a_server_with_a_weight_moves_few_keys_more_than_its_own() {
    for weights in [&[1_u32, 2][..], &[3, 2, 1], &[5, 4, 3, 2, 1], &[1, 1, 1, 3]] {
        let servers = servers_of(weights);
        let needless = |gone| moved(Hashing::Ketama, &servers, gone).1;
        let sum: f64 = (0..servers.len()).map(needless).sum();
        let average = sum / f64::from(u32::try_from(weights.len()).unwrap());
        assert!(average <= 0.06, "{weights:?}: {average}");
    }
}

#[test]
fn the_project_has_sets_with_ties_ipv6_unix_sockets_and_keys_that_are_not_ascii() {
    let read = |file: &str| std::fs::read(own_folder().join(file)).unwrap();
    let Keys { keys } = serde_json::from_slice(&read("keys.json")).unwrap();
    let placement: Placement = serde_json::from_slice(&read("rendezvous.json")).unwrap();
    let ketama: Placement = serde_json::from_slice(&read("ketama.json")).unwrap();
    for name in ["tied", "tied-reversed", "ipv6", "unix", "mixed"] {
        assert!(placement.sets.contains_key(name), "{name}");
        assert!(ketama.sets.contains_key(name), "{name}");
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
