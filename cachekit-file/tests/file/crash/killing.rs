//! Who kills, and keeps book of what the dead said.

use std::collections::BTreeMap;
use std::time::Duration;

use cachekit_core::backend::{Backend, Found, Lead, Want};
use cachekit_core::clock::Clock;
use cachekit_core::testkit::ManualClock;
use cachekit_file::{Config, FileBackend};

use super::{KEYS, name};
use crate::chance::Chance;
use crate::child::{self, Process};
use crate::described::Described;
use crate::files::entries;
use crate::scratch::{LEADING, LONG, Scratch, assert_counts, set};

/// How often a writer is killed, unless `CACHEKIT_TEST_KILLS` says so.
const KILLS: u64 = 12;

/// Who waits for a lock for a second is told so; this is for a machine that does much else.
const HELD_UP_MS: u64 = 60_000;

/// What a writer is about to do, as it says it.
#[derive(Clone, Copy, Debug)]
enum Doing {
    Set(u64),
    Expire,
    Remove,
    Lead,
}

/// What becomes of an entry, as far as its writers said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Absent,
    Fresh(u64),
    Stale(u64),
}

impl State {
    fn of(number: u64, found: Option<&Found>) -> Self {
        let Some(found) = found else {
            return Self::Absent;
        };
        let said = Described::read(&found.value).expect("a value that was set");
        assert_eq!(said.key, number);
        if found.stale {
            Self::Stale(said.version)
        } else {
            Self::Fresh(said.version)
        }
    }

    /// What it is once that is done.
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
pub(super) struct Killing {
    test: &'static str,
    scratch: Scratch,
    config: Config,
    /// Whether entries may go because the caps are reached.
    evicts: bool,
    keys: BTreeMap<u64, Known>,
    /// The next version of a value; no writer has set a later one.
    version: u64,
    chance: Chance,
}

impl Killing {
    pub(super) fn new(test: &'static str, caps: fn(Config) -> Config) -> Self {
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
            keys: (0..KEYS).map(|number| (number, unknown)).collect(),
            version: 1,
            chance: Chance::new(1),
        }
    }

    pub(super) async fn run(&mut self) {
        for _ in 0..child::number("CACHEKIT_TEST_KILLS").unwrap_or(KILLS) {
            self.kill_a_writer();
            // Of a process that knows nothing of the one that died.
            let backend = FileBackend::new(self.config.clone()).unwrap();
            let report = backend.verify(|_| ()).unwrap();
            let wrong = report.damaged() + report.unreadable + report.strangers;
            assert_eq!(wrong, 0, "{report}");
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
        let (what, number) = (word(), word().parse().expect("a key"));
        let known = self.keys.get_mut(&number).expect("one of the keys");
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

    /// Finds what may be there, and is not held up by the dead.
    async fn check(&mut self, backend: &FileBackend, number: u64) {
        let clock = Clock::system();
        let begin = clock.monotonic_ms();
        let lookup = backend.get(&name(number), LEADING).await.unwrap();
        let (known, state) = (self.keys[&number], State::of(number, lookup.found.as_ref()));
        let done = known.doing.map(|doing| known.state.after(doing));
        let gone = self.evicts && state == State::Absent;
        assert!(
            state == known.state || Some(state) == done || gone,
            "crash:{number} is {state:?}, after {known:?}"
        );
        match (state, lookup.lead) {
            (State::Fresh(_), lead) => assert_eq!(lead, Lead::None),
            (_, Lead::Mine(token)) => backend.release(&name(number), &token).await.unwrap(),
            (_, lead) => panic!("crash:{number} is led by the dead: {lead:?}"),
        }
        self.keys.insert(number, Known { state, doing: None });
        if known.doing.is_some() {
            self.set(backend, number).await;
        }
        let took = clock.monotonic_ms() - begin;
        assert!(took < HELD_UP_MS, "the dead held this up for {took} ms");
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
        let state = State::Fresh(version);
        self.keys.insert(number, Known { state, doing: None });
        self.version += 1;
    }

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
        let report = backend.verify(|_| ()).unwrap();
        assert_eq!(report.temps, 0, "{report}");
        assert_counts(&report);
        let kept = report.entries();
        assert!(kept >= cap * 4 / 5, "{kept} entries of {cap}");
    }
}
