//! Processes that do everything at once, on the same keys, in a directory that is too small for
//! them: no wrong value, never more disk than the cap, and everybody gets on.
//!
//! `CACHEKIT_TEST_SECONDS` says for how long:
//!
//! ```sh
//! CACHEKIT_TEST_SECONDS=30 cargo test --package cachekit-file --test file churn
//! ```

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend, Lead, Lookup, NewEntry, Token, Ttl, Want};
use cachekit_core::clock::Clock;
use cachekit_core::error::{ErrorKind, Result};
use cachekit_core::key::StoreKey;
use cachekit_file::{Config, FileBackend};

use crate::chance::Chance;
use crate::child::{self, Process, say};
use crate::described::Described;
use crate::scratch::{LONG, Scratch, key};

/// For how long, unless `CACHEKIT_TEST_SECONDS` says so.
const SECONDS: u64 = 2;

const PROCESSES: u64 = 8;
const KEYS: u64 = 1_000;
const CAP: u64 = 20 << 20;
/// With this length of the largest, the values of all keys are twice what the cap allows.
const LARGE: u64 = 1_500_000;

/// What a process does before it says that it gets on.
const STEPS: u64 = 100;
/// Nothing takes so long, unless somebody waits for ever.
const PATIENCE: Duration = Duration::from_secs(20);

fn config(config: Config) -> Config {
    Config {
        max_size: CAP,
        max_value: 4 << 20,
        max_entries: KEYS * 9 / 10,
        ..config
    }
}

fn name(number: u64) -> StoreKey {
    key(&format!("churn:{number}"))
}

/// Whether a process is told when it has to give way to one that was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Disturbed {
    No,
    Yes,
}

/// What one process does.
struct Churn {
    backend: FileBackend,
    disturbed: Disturbed,
    chance: Chance,
    version: u64,
}

impl Churn {
    fn entry(&mut self) -> NewEntry {
        let number = self.chance.below(KEYS);
        self.version += 1;
        let described = Described {
            key: number,
            version: self.version,
        };
        NewEntry {
            key: name(number),
            value: described.value(self.chance.length(LARGE)),
            ttl: if self.chance.below(10) == 0 {
                Ttl::from_millis(50)
            } else {
                LONG
            },
            lead: None,
        }
    }

    async fn step(&mut self) {
        let number = self.chance.below(KEYS);
        match self.chance.below(20) {
            0..=6 => {
                let entry = self.entry();
                let set = self.backend.set(&entry.key, entry.value, entry.ttl, None);
                self.done(set.await);
            }
            7 => {
                let entries = std::iter::repeat_with(|| self.entry()).take(5).collect();
                for stored in self.backend.set_many(entries).await {
                    self.done(stored);
                }
            }
            8..=12 => self.get(number, Want::Value).await,
            13..=15 => self.get(number, self.leading()).await,
            16 | 17 => drop(self.done(self.backend.expire(&name(number)).await)),
            18 => drop(self.done(self.backend.remove(&name(number)).await)),
            _ => {
                let numbers: Vec<_> = (number..KEYS.min(number + 10)).collect();
                let keys: Vec<_> = numbers.iter().copied().map(name).collect();
                let found = self.backend.get_many(&keys, Want::Value).await;
                for (number, lookup) in numbers.into_iter().zip(found) {
                    self.done(lookup.map(|lookup| check(number, &lookup)));
                }
            }
        }
    }

    fn leading(&self) -> Want {
        Want::Lead {
            hold: Ttl::from_millis(500),
            early: Duration::ZERO,
            patience: Duration::ZERO,
        }
    }

    async fn get(&mut self, number: u64, want: Want) {
        let Some(lookup) = self.done(self.backend.get(&name(number), want).await) else {
            return;
        };
        check(number, &lookup);
        if let Lead::Mine(token) = lookup.lead {
            self.compute(number, token).await;
        }
    }

    async fn compute(&mut self, number: u64, token: Token) {
        let key = name(number);
        self.version += 1;
        let version = self.version;
        let value: Bytes = Described {
            key: number,
            version,
        }
        .value(self.chance.length(LARGE));
        match self.chance.below(10) {
            0 => {}
            1 => drop(self.done(self.backend.release(&key, &token).await)),
            2 => drop(self.done(self.backend.renew(&key, &token, LONG).await)),
            _ => drop(self.done(self.backend.set(&key, value, LONG, Some(&token)).await)),
        }
    }

    /// What was done. Beside processes that are stopped, it may be that it could not be.
    fn done<T>(&self, result: Result<T>) -> Option<T> {
        match result {
            Ok(done) => Some(done),
            Err(error) => {
                let may_fail = self.disturbed == Disturbed::Yes;
                assert!(may_fail && error.kind() == ErrorKind::Timeout, "{error:?}");
                None
            }
        }
    }
}

fn check(number: u64, lookup: &Lookup) {
    if let Some(found) = &lookup.found {
        let said = Described::read(&found.value).expect("a value that was set");
        assert_eq!(said.key, number);
    }
}

/// Where the parent puts a file for its children to end.
fn over(directory: &Path) -> PathBuf {
    directory.with_file_name("over")
}

async fn churn(directory: Config, disturbed: Disturbed) {
    let over = over(&directory.directory);
    let mut churn = Churn {
        backend: FileBackend::new(config(directory)).unwrap(),
        disturbed,
        chance: Chance::new(child::seed()),
        version: child::seed() << 32,
    };
    while !over.exists() {
        for _ in 0..STEPS {
            churn.step().await;
        }
        say("on");
    }
    say("over");
}

/// A process of the crowd.
struct Member {
    process: Process,
    stopped: bool,
}

/// Who churns, and what is heard of them.
struct Crowd {
    test: &'static str,
    scratch: Scratch,
    members: BTreeMap<u64, Member>,
    started: u64,
    /// Who got on; with nothing, at its end.
    heard: (
        Sender<(u64, Option<String>)>,
        Receiver<(u64, Option<String>)>,
    ),
    /// The most disk that entries occupied.
    most: u64,
}

impl Crowd {
    fn start(test: &'static str) -> Self {
        let mut crowd = Self {
            test,
            scratch: Scratch::new(),
            members: BTreeMap::new(),
            started: 0,
            heard: channel(),
            most: 0,
        };
        for _ in 0..PROCESSES {
            crowd.join();
        }
        crowd
    }

    /// Starts one more process.
    fn join(&mut self) {
        self.started += 1;
        let id = self.started;
        let mut process = Process::start(self.test, &self.scratch.cache(), id);
        let (output, heard) = (process.output(), self.heard.0.clone());
        std::thread::spawn(move || {
            for said in output {
                let _ = heard.send((id, Some(said)));
            }
            let _ = heard.send((id, None));
        });
        let stopped = false;
        self.members.insert(id, Member { process, stopped });
    }

    /// Kills a process, and starts another.
    fn replace(&mut self, id: u64) {
        self.members.remove(&id);
        self.join();
    }

    /// Waits until each process that may has got on.
    fn get_on(&mut self) {
        let mut awaited: BTreeSet<u64> = self.members.keys().copied().collect();
        awaited.retain(|id| !self.members[id].stopped);
        while !awaited.is_empty() {
            let (id, said) = self.hear();
            let lives = self.members.contains_key(&id);
            assert!(
                !lives || said.is_some(),
                "process {id} ended before its time"
            );
            awaited.remove(&id);
        }
    }

    fn hear(&self) -> (u64, Option<String>) {
        let heard = self.heard.1.recv_timeout(PATIENCE);
        heard.expect("somebody gets on")
    }

    /// What entries occupy, while everything stands still.
    fn measure(&mut self) {
        for member in self.members.values() {
            member.process.stop();
        }
        for member in self.members.values() {
            assert!(member.process.stands());
        }
        let used = occupied(&self.scratch);
        for member in self.members.values().filter(|member| !member.stopped) {
            member.process.resume();
        }
        self.most = self.most.max(used);
        assert!(used <= CAP / 100 * 105, "{used} bytes of {CAP}");
    }

    /// Lets everybody end, and looks at what they leave.
    async fn end(mut self) {
        std::fs::write(over(&self.scratch.cache()), b"").unwrap();
        for member in self.members.values() {
            member.process.resume();
        }
        let mut ended = 0;
        while ended < self.members.len() {
            let (id, said) = self.hear();
            ended += usize::from(said.is_none() && self.members.contains_key(&id));
        }
        for member in std::mem::take(&mut self.members).into_values() {
            member.process.succeeds();
        }
        let backend = FileBackend::new(config(self.scratch.config())).unwrap();
        let mut found = 0;
        for number in 0..KEYS {
            let lookup = backend.get(&name(number), Want::Value).await.unwrap();
            check(number, &lookup);
            found += u64::from(lookup.found.is_some());
        }
        println!("{found} entries found, at most {} bytes", self.most);
        assert!(found > KEYS / 10, "{found} entries");
    }
}

/// The disk that entries occupy, those that are being written, and files kept for the next.
fn occupied(scratch: &Scratch) -> u64 {
    let files = scratch.files();
    let kept = files.iter().filter(|file| {
        let name = file.file_name().unwrap().to_str().unwrap();
        name.len() == 64 || name.starts_with(".tmp-") || name == ".spare"
    });
    kept.map(|file| file.metadata().unwrap().blocks() * 512)
        .sum()
}

fn seconds() -> impl Fn() -> bool {
    let seconds = child::number("CACHEKIT_TEST_SECONDS").unwrap_or(SECONDS);
    let clock = Clock::system();
    let end = clock.monotonic_ms() + seconds * 1_000;
    move || clock.monotonic_ms() < end
}

#[tokio::test]
async fn eight_processes_find_no_wrong_value_and_keep_to_the_cap() {
    const THIS: &str = "churn::eight_processes_find_no_wrong_value_and_keep_to_the_cap";
    if let Some(config) = child::config() {
        return churn(config, Disturbed::No).await;
    }
    let mut crowd = Crowd::start(THIS);
    let in_time = seconds();
    while in_time() {
        crowd.get_on();
        crowd.measure();
    }
    crowd.end().await;
}

#[tokio::test]
async fn processes_that_are_stopped_and_killed_hold_up_nobody_for_long() {
    const THIS: &str = "churn::processes_that_are_stopped_and_killed_hold_up_nobody_for_long";
    if let Some(config) = child::config() {
        return churn(config, Disturbed::Yes).await;
    }
    let mut crowd = Crowd::start(THIS);
    let mut chance = Chance::new(1);
    let in_time = seconds();
    while in_time() {
        let ids: Vec<u64> = crowd.members.keys().copied().collect();
        let mut any = || ids[usize::try_from(chance.below(PROCESSES)).unwrap()];
        crowd.replace(any());
        for member in crowd.members.values_mut() {
            member.stopped = false;
        }
        if let Some(member) = crowd.members.get_mut(&any()) {
            member.stopped = true;
        }
        // From here on one of them stands, wherever it was.
        for _ in 0..5 {
            crowd.measure();
            crowd.get_on();
        }
    }
    crowd.end().await;
}
