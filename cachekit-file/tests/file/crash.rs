//! A writer that is killed at any instant: what it confirmed stays, what it was at either happened
//! or did not, and nobody is held up.
//!
//! `CACHEKIT_TEST_KILLS` says how often, in each of the directories:
//!
//! ```sh
//! CACHEKIT_TEST_KILLS=1000 cargo test --package cachekit-file --test file crash
//! ```

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cachekit_core::backend::{Backend, Lead, Stored, Token, Want};
use cachekit_core::clock::Clock;
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::ManualClock;
use cachekit_file::{Config, FileBackend};

use crate::chance::Chance;
use crate::child::{self, Process, say};
use crate::described::Described;
use crate::scratch::{LONG, Scratch, key, set};

/// How often a writer is killed, unless `CACHEKIT_TEST_KILLS` says so.
const KILLS: u64 = 12;

/// Keys of a directory, and how many a writer sets at once.
const KEYS: u64 = 150;
const AT_ONCE: u64 = 3;

/// Some values are larger than a file that is used again.
const LARGE: u64 = 400_000;

/// Reads what is there, or leads for longer than any test lasts.
const LEADING: Want = Want::Lead {
    hold: LONG,
    early: Duration::ZERO,
    patience: Duration::ZERO,
};

fn name(number: u64) -> StoreKey {
    key(&format!("crash:{number}"))
}

/// What the writer is about to do, as it says it.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Set(u64),
    Expire,
    Remove,
    Lead,
}

/// One of those who write at once in one process, each on keys of its own.
struct Writer<'a> {
    backend: &'a FileBackend,
    versions: &'a AtomicU64,
    chance: Chance,
    own: u64,
}

impl Writer<'_> {
    async fn write_until_killed(mut self) {
        loop {
            let number = self.chance.below(KEYS / AT_ONCE) * AT_ONCE + self.own;
            match self.chance.below(10) {
                0..=4 => self.set(number, None).await,
                5 => {
                    say(&format!("expire {number}"));
                    self.backend.expire(&name(number)).await.unwrap();
                    say(&format!("did {number}"));
                }
                6 => {
                    say(&format!("remove {number}"));
                    self.backend.remove(&name(number)).await.unwrap();
                    say(&format!("did {number}"));
                }
                _ => self.lead(number).await,
            }
        }
    }

    async fn set(&mut self, number: u64, lead: Option<Token>) {
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        let described = Described {
            key: number,
            version,
        };
        let value = described.value(self.chance.length(LARGE));
        say(&format!("set {number} {version}"));
        let key = name(number);
        let stored = self.backend.set(&key, value, LONG, lead.as_ref()).await;
        assert_eq!(stored.unwrap(), Stored::Stored);
        say(&format!("did {number}"));
    }

    async fn lead(&mut self, number: u64) {
        say(&format!("lead {number}"));
        let lookup = self.backend.get(&name(number), LEADING).await.unwrap();
        if let Some(found) = lookup.found {
            assert_eq!(
                Described::read(&found.value).map(|said| said.key),
                Some(number)
            );
        }
        match lookup.lead {
            Lead::None => say(&format!("did {number}")),
            Lead::Mine(token) => self.set(number, Some(token)).await,
            Lead::Unfenced(None) => self.set(number, None).await,
            lead => panic!("nobody who lives leads: {lead:?}"),
        }
    }
}

async fn write_until_killed(config: Config) {
    let backend = FileBackend::new(config).unwrap();
    let versions = AtomicU64::new(child::seed());
    let writer = |own| Writer {
        backend: &backend,
        versions: &versions,
        chance: Chance::new(child::seed() + own),
        own,
    };
    let [first, second, third] = [0, 1, AT_ONCE - 1].map(|own| writer(own).write_until_killed());
    tokio::join!(first, second, third);
}

/// What becomes of an entry, as far as its writers said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Fresh(u64),
    Stale(u64),
}

impl State {
    const fn after(self, doing: Doing) -> Self {
        match (doing, self) {
            (Doing::Set(version), _) => Self::Fresh(version),
            (Doing::Expire, Self::Fresh(version)) => Self::Stale(version),
            (Doing::Remove, _) => Self::Absent,
            (Doing::Expire | Doing::Lead, state) => state,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Known {
    state: State,
    doing: Option<Doing>,
}

/// What is known of a directory whose writers are killed.
struct Killing {
    test: &'static str,
    scratch: Scratch,
    config: Config,
    /// Whether entries may go because the caps are reached.
    evicts: bool,
    keys: Vec<Known>,
    version: u64,
    chance: Chance,
}

impl Killing {
    fn new(test: &'static str, caps: fn(Config) -> Config) -> Self {
        let scratch = Scratch::new();
        let config = caps(scratch.config());
        let unknown = Known {
            state: State::Absent,
            doing: None,
        };
        Self {
            test,
            evicts: config.max_entries < KEYS,
            config,
            scratch,
            keys: vec![unknown; KEYS as usize],
            version: 1,
            chance: Chance::new(1),
        }
    }

    async fn run(&mut self) {
        for _ in 0..child::number("CACHEKIT_TEST_KILLS").unwrap_or(KILLS) {
            self.kill_a_writer();
            // One that was not there when the writer died.
            let backend = FileBackend::new(self.config.clone()).unwrap();
            for number in 0..KEYS {
                self.check(&backend, number).await;
            }
        }
        self.sweep().await;
    }

    fn kill_a_writer(&mut self) {
        let mut process = Process::start(self.test, &self.config.directory, self.version);
        let lines = 1 + self.chance.below(200);
        let mut output = process.output();
        for _ in 0..lines {
            let line = output
                .next()
                .expect("the writer ended before it was killed");
            self.hear(&line);
        }
        for _ in 0..self.chance.below(20_000) {
            std::hint::spin_loop();
        }
        process.kill();
        output.for_each(|line| self.hear(&line));
    }

    fn hear(&mut self, line: &str) {
        let mut words = line.split(' ');
        let mut word = || words.next().expect("a whole line");
        let (what, number) = (word(), word().parse::<usize>().expect("a key"));
        let known = &mut self.keys[number];
        known.doing = match what {
            "set" => {
                let version = word().parse().expect("a version");
                self.version = self.version.max(version + 1);
                Some(Doing::Set(version))
            }
            "expire" => Some(Doing::Expire),
            "remove" => Some(Doing::Remove),
            "lead" => Some(Doing::Lead),
            _ => {
                known.state = known
                    .doing
                    .map_or(known.state, |did| known.state.after(did));
                None
            }
        };
    }

    /// Finds what may be there; whoever computes does so at once; and a write is not held up.
    async fn check(&mut self, backend: &FileBackend, number: u64) {
        let known = self.keys[number as usize];
        let clock = Clock::system();
        let begin = clock.monotonic_ms();
        let lookup = backend.get(&name(number), LEADING).await.unwrap();
        let state = lookup.found.as_ref().map_or(State::Absent, |found| {
            let said = Described::read(&found.value).expect("a value that was set");
            assert_eq!(said.key, number);
            if found.stale {
                State::Stale(said.version)
            } else {
                State::Fresh(said.version)
            }
        });
        let done = known.doing.map(|doing| known.state.after(doing));
        let gone = self.evicts && state == State::Absent;
        assert!(
            state == known.state || Some(state) == done || gone,
            "crash:{number} is {state:?}, after {known:?}"
        );
        match (state, lookup.lead) {
            (State::Fresh(_), lead) => assert_eq!(lead, Lead::None),
            (_, Lead::Mine(token)) => backend.release(&name(number), &token).await.unwrap(),
            (_, Lead::Unfenced(None)) => {}
            (_, lead) => panic!("crash:{number} is led by the dead: {lead:?}"),
        }
        self.keys[number as usize] = Known { state, doing: None };
        if known.doing.is_some() {
            self.set(backend, number).await;
        }
        let took = clock.monotonic_ms() - begin;
        assert!(took < 1_000, "the dead held this up for {took} ms");
    }

    async fn set(&mut self, backend: &FileBackend, number: u64) {
        let version = self.version;
        let described = Described {
            key: number,
            version,
        };
        let value = described.value(1_000);
        backend
            .set(&name(number), value.clone(), LONG, None)
            .await
            .unwrap();
        let found = backend.get(&name(number), Want::Value).await.unwrap().found;
        assert_eq!(found.unwrap().value, value);
        self.keys[number as usize].state = State::Fresh(version);
        self.version += 1;
    }
}

/// What lies in a directory and is on its way to be an entry, or was.
fn temp_files(scratch: &Scratch) -> usize {
    let files = scratch.files();
    let is_temp = |file: &&PathBuf| file_name(file).starts_with(".tmp-");
    files.iter().filter(is_temp).count()
}

fn entries(scratch: &Scratch) -> u64 {
    let files = scratch.files();
    files
        .iter()
        .filter(|file| file_name(file).len() == 64)
        .count() as u64
}

fn file_name(path: &Path) -> &str {
    path.file_name().unwrap().to_str().unwrap()
}

impl Killing {
    /// Hours later, what the dead left is gone, and the caps are what they were: nothing that is
    /// not there is counted, and nothing that is there is not.
    async fn sweep(&self) {
        let later = ManualClock::new();
        let now = Clock::system().unix_ms() - later.clock().unix_ms();
        later.advance(Duration::from_millis(now) + Duration::from_secs(2 * 3_600));
        let backend = FileBackend::with_clock(self.config.clone(), later.clock()).unwrap();
        let cap = self.config.max_entries;
        for number in 0..3 * cap {
            set(&backend, &format!("sweep:{number}"), b"v").await;
            assert!(number % 50 != 0 || entries(&self.scratch) <= cap);
        }
        assert_eq!(temp_files(&self.scratch), 0);
        let kept = entries(&self.scratch);
        assert!(kept >= cap * 4 / 5, "{kept} entries of {cap}");
    }
}

fn roomy(config: Config) -> Config {
    Config {
        max_entries: 1_000,
        ..config
    }
}

fn tight(config: Config) -> Config {
    Config {
        max_entries: 100,
        max_size: 2 << 20,
        max_value: 1 << 20,
        ..config
    }
}

#[tokio::test]
async fn a_writer_that_is_killed_loses_nothing_that_it_confirmed() {
    const THIS: &str = "crash::a_writer_that_is_killed_loses_nothing_that_it_confirmed";
    match child::config() {
        Some(config) => write_until_killed(roomy(config)).await,
        None => Killing::new(THIS, roomy).run().await,
    }
}

#[tokio::test]
async fn a_writer_that_is_killed_while_it_evicts_leaves_the_caps_as_they_were() {
    const THIS: &str =
        "crash::a_writer_that_is_killed_while_it_evicts_leaves_the_caps_as_they_were";
    match child::config() {
        Some(config) => write_until_killed(tight(config)).await,
        None => Killing::new(THIS, tight).run().await,
    }
}
