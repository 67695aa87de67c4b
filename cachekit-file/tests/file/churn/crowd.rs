//! Those who churn: started, stopped, killed, heard and measured.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use cachekit_core::backend::{Backend, Want};
use cachekit_core::clock::Clock;
use cachekit_file::FileBackend;

use super::work::STEPS;
use super::{CAP, KEYS, PROCESSES, check, config, name, over};
use crate::chance::Chance;
use crate::child::{self, Process};
use crate::files::occupied;
use crate::scratch::{Scratch, assert_counts};

/// Nothing takes so long, unless somebody waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// For how long a crowd churns, unless `CACHEKIT_TEST_SECONDS` says so.
const SECONDS: u64 = 2;

/// How many steps a crowd has to make, however slow it is, and by how many the cap is reached.
const ENOUGH: u64 = 2_500;
const MOST: u64 = 20 * ENOUGH;

/// A process of the crowd.
struct Member {
    process: Process,
    stopped: bool,
}

/// Who said something, and what; nothing at its end.
type Heard = (u64, Option<String>);

/// Who churns, and what is heard of them.
pub(super) struct Crowd {
    test: &'static str,
    scratch: Scratch,
    members: BTreeMap<u64, Member>,
    started: u64,
    heard: (Sender<Heard>, Receiver<Heard>),
    clock: Clock,
    began: u64,
    /// For how long, in milliseconds.
    time: u64,
    /// How many steps those who were heard have made.
    steps: u64,
    /// The most disk that entries occupied.
    most: u64,
}

impl Crowd {
    pub(super) fn start(test: &'static str) -> Self {
        let clock = Clock::system();
        let seconds = child::number("CACHEKIT_TEST_SECONDS").unwrap_or(SECONDS);
        let mut crowd = Self {
            test,
            scratch: Scratch::new(),
            members: BTreeMap::new(),
            started: 0,
            heard: channel(),
            began: clock.monotonic_ms(),
            clock,
            time: seconds * 1_000,
            steps: 0,
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

    /// Kills a process, wherever it is, and starts another.
    pub(super) fn replace_one(&mut self, chance: &mut Chance) {
        let id = self.one(chance);
        self.members.remove(&id);
        self.join();
    }

    /// From the next measurement on, one process stands wherever it is, and no other.
    pub(super) fn leave_one_standing(&mut self, chance: &mut Chance) {
        let standing = self.one(chance);
        for (id, member) in &mut self.members {
            member.stopped = *id == standing;
        }
    }

    fn one(&self, chance: &mut Chance) -> u64 {
        let index = usize::try_from(chance.below(PROCESSES)).expect("an index");
        *self.members.keys().nth(index).expect("they are as many")
    }

    /// Waits until each process that may has got on.
    pub(super) fn get_on(&mut self) {
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

    fn hear(&mut self) -> Heard {
        let heard = self.heard.1.recv_timeout(PATIENCE);
        let (id, said) = heard.expect("somebody gets on");
        self.steps += said.as_ref().map_or(0, |_| STEPS);
        (id, said)
    }

    /// Tells whether there is time left. Where it is slow, the crowd goes on beyond its time until
    /// it did enough: until the cap is reached, there is nothing to see.
    pub(super) fn goes_on(&self) -> bool {
        let spent = self.clock.monotonic_ms() - self.began;
        let reached_cap = self.most > CAP / 10 * 9;
        assert!(
            reached_cap || self.steps < MOST,
            "{} steps, {} bytes",
            self.steps,
            self.most
        );
        spent < self.time || self.steps < ENOUGH || !reached_cap
    }

    /// What entries occupy, while everything stands still.
    pub(super) fn measure(&mut self) {
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
    pub(super) async fn end(mut self) {
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
        let report = backend.verify(|_| ()).unwrap();
        assert_eq!(
            report.damaged() + report.unreadable + report.strangers,
            0,
            "{report}"
        );
        if self.started == PROCESSES {
            // Nobody was killed in the middle of a change.
            assert_counts(&report);
            assert_eq!(report.temps, 0, "{report}");
        }
        let mut found = 0;
        for number in 0..KEYS {
            let lookup = backend.get(&name(number), Want::Value).await.unwrap();
            check(number, &lookup);
            found += u64::from(lookup.found.is_some());
        }
        println!(
            "{} steps; {found} found, at most {} bytes; {report}",
            self.steps, self.most
        );
        assert!(found > KEYS / 10, "{found} entries");
    }
}
