//! Processes that write at once, of which two always stand, wherever they were stopped: the others
//! write on, but for what lies in the folders that those two hold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::Backend;
use cachekit_core::error::ErrorKind;
use cachekit_file::{Config, FileBackend};

use crate::chance::Chance;
use crate::child::{self, Process, say};
use crate::scratch::{ENTRIES, LONG, Scratch, folder_of_directory, key};

const WRITERS: u64 = 5;

/// How many stand at once.
const STANDING: usize = 2;

/// How often one more is stopped, unless `CACHEKIT_TEST_TURNS` says so.
const TURNS: u64 = 6;

/// How many writes each of the others has to do in a turn.
const WRITES: usize = 20;

/// In how many folders they may fail meanwhile: in one for each who stands, and where others were held
/// up by a slow disk.
const STUCK: usize = 10;

/// Nothing takes so long, unless everybody waits for ever.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where the parent says which turn it is.
fn turn_of(directory: &Path) -> PathBuf {
    directory.with_file_name("turn")
}

/// Writes for ever, and says in which turn it began to, and the folder if it could not.
async fn write(directory: Config) {
    let turn = turn_of(&directory.directory);
    let config = Config {
        max_entries: ENTRIES as u64,
        ..directory
    };
    let backend = FileBackend::new(config.clone()).unwrap();
    let mut chance = Chance::new(child::seed());
    loop {
        let now = std::fs::read_to_string(&turn).unwrap();
        let name = format!("k{}", chance.below(3 * ENTRIES as u64));
        let value = Bytes::from("v");
        match backend.set(&key(&name), value, LONG, None).await {
            Ok(_) => say(&format!("{now} ")),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Timeout, "{error:?}");
                let folder = folder_of_directory(&config.directory, &name);
                say(&format!("{now} {}", folder.display()));
            }
        }
    }
}

struct Writers {
    scratch: Scratch,
    processes: Vec<Process>,
    heard: Receiver<(usize, String)>,
    standing: VecDeque<usize>,
    turn: u64,
}

impl Writers {
    fn start(test: &str) -> Self {
        let scratch = Scratch::new();
        std::fs::write(turn_of(&scratch.cache()), "0").unwrap();
        let (said, heard) = channel();
        let processes = (0..WRITERS).map(|id| start(test, &scratch, id, &said));
        Self {
            processes: processes.collect(),
            scratch,
            heard,
            standing: VecDeque::new(),
            turn: 0,
        }
    }

    /// One more stands from now on, and the one that stands for longest goes on.
    fn stop_one(&mut self, chance: &mut Chance) {
        let one = loop {
            let one = usize::try_from(chance.below(WRITERS)).unwrap();
            if !self.standing.contains(&one) {
                break one;
            }
        };
        self.processes[one].stop();
        assert!(self.processes[one].stands());
        self.standing.push_back(one);
        if self.standing.len() > STANDING {
            let other = self.standing.pop_front().expect("there are more");
            self.processes[other].resume();
        }
        self.turn += 1;
        let turn = turn_of(&self.scratch.cache());
        let next = turn.with_extension("next");
        std::fs::write(&next, self.turn.to_string()).unwrap();
        std::fs::rename(next, turn).unwrap();
    }

    /// Waits until those who do not stand wrote in this turn.
    fn hear(&self) {
        let mut writes: BTreeMap<usize, usize> = BTreeMap::new();
        let mut stuck = BTreeSet::new();
        let turn = self.turn.to_string();
        let enough = |writes: &usize| *writes >= WRITES;
        while writes.values().filter(|writes| enough(writes)).count()
            < self.processes.len() - self.standing.len()
        {
            let heard = self.heard.recv_timeout(PATIENCE);
            let (id, said) = heard.expect("somebody writes");
            match said.split_once(' ') {
                Some((of, _)) if of != turn || self.standing.contains(&id) => {}
                Some((_, "")) => *writes.entry(id).or_default() += 1,
                said => drop(stuck.insert(said.expect("a turn").1.to_owned())),
            }
            assert!(stuck.len() <= STUCK, "{stuck:?}");
        }
    }

    /// How many entries there are, while everybody stands.
    fn count(&self) -> usize {
        self.processes.iter().for_each(Process::stop);
        assert!(self.processes.iter().all(Process::stands));
        let mut files = self.scratch.files();
        files.retain(|file| !file.to_str().unwrap().contains(".tmp-"));
        for (id, process) in self.processes.iter().enumerate() {
            if !self.standing.contains(&id) {
                process.resume();
            }
        }
        files.len()
    }
}

fn start(test: &str, scratch: &Scratch, id: u64, said: &Sender<(usize, String)>) -> Process {
    let mut process = Process::start(test, &scratch.cache(), id);
    let (mut output, said) = (process.output(), said.clone());
    let id = usize::try_from(id).unwrap();
    std::thread::spawn(move || output.try_for_each(|line| said.send((id, line))));
    process
}

#[tokio::test]
async fn those_who_write_elsewhere_go_on_wherever_others_were_stopped() {
    const THIS: &str = "standing::those_who_write_elsewhere_go_on_wherever_others_were_stopped";
    if let Some(config) = child::config() {
        return write(config).await;
    }
    let mut writers = Writers::start(THIS);
    writers.hear();
    let mut chance = Chance::new(1);
    let turns = child::number("CACHEKIT_TEST_TURNS").unwrap_or(TURNS);
    for _ in 0..turns {
        for _ in 0..chance.below(1_000) {
            std::thread::yield_now();
        }
        writers.stop_one(&mut chance);
        writers.hear();
        let count = writers.count();
        assert!(count <= ENTRIES, "{count} entries");
    }
}
