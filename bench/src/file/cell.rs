//! One contender, doing one thing once: a process of its own.

use std::io::{self, BufRead as _, Write as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use tokio::runtime::Builder;

use crate::Failed;
use crate::cells::machine::now;
use crate::cells::{Figures, blocking};
use crate::file::churn::Churn;
use crate::file::keys::{Key, Values};
use crate::file::load::Load;
use crate::file::store::Store;
use crate::file::who::{Place, Who};
use crate::file::{limits, ours, peers};

/// What a process says when it could begin, and what it is told then. What comes next is a line of
/// figures, before it closes its store.
pub(super) const READY: &str = "ready";
pub(super) const GO: &str = "go";

/// Until the first entry has been read.
pub(super) const FIRST_GET: &str = "first get ms";
/// From then until the first has been written.
pub(super) const FIRST_PUT: &str = "first put ms";
/// Until every entry is gone.
pub(super) const CLEARED: &str = "clear ms";

/// As many puts follow each other in a fill before the store may settle.
const BATCH: u64 = 256;

/// What a process is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Cell {
    pub(super) who: Who,
    pub(super) directory: PathBuf,
    /// Of each value, in bytes.
    pub(super) size: usize,
    /// What the store may hold, where it can be told.
    pub(super) caps: Caps,
    pub(super) work: Work,
}

/// Of a directory.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Caps {
    pub(super) bytes: u64,
    pub(super) entries: u64,
}

impl Caps {
    /// More than any case has.
    pub(super) const ROOM: Self = Self {
        bytes: 1 << 40,
        entries: 1 << 30,
    };
}

/// What a cell does.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) enum Work {
    /// Puts these keys, each once.
    Fill {
        first: u64,
        count: u64,
    },
    Load(Load),
    /// Opens the store, gets the first key, and puts it.
    Open,
    Clear,
    Churn(Churn),
}

impl Cell {
    /// Runs in this process.
    pub(super) fn run(self) -> Result<(), Failed> {
        if let Work::Churn(churn) = self.work {
            return blocking(self.churn(churn));
        }
        match self.who {
            Who::Ours | Who::OursTokio | Who::OursWorkers | Who::Beside | Who::BesideCollector => {
                self.drive::<ours::Ours>()
            }
            Who::Bare => self.drive::<limits::Bare>(),
            Who::Hop => self.drive::<limits::Hop>(),
            Who::CachekitRs => self.drive::<peers::cachekit_rs::Shared>(),
            #[cfg(feature = "file-peers")]
            Who::Cacache => self.drive::<peers::cacache::Directory>(),
            #[cfg(feature = "file-peers")]
            Who::Redb => self.drive::<peers::redb::Alone>(),
            #[cfg(feature = "file-peers")]
            Who::RedbShared => self.drive::<peers::redb::Shared>(),
            #[cfg(feature = "file-peers")]
            Who::Fjall => self.drive::<peers::fjall::Table>(),
            #[cfg(feature = "file-peers")]
            Who::Foyer => self.drive::<peers::foyer::Hybrid>(),
            _ => Err("no such cell".into()),
        }
    }

    fn drive<S: Store>(self) -> Result<(), Failed> {
        match self.who.place() {
            Place::Thread => blocking(self.work::<S>()),
            Place::Current => Builder::new_current_thread()
                .enable_all()
                .build()?
                .block_on(self.work::<S>()),
            Place::Workers => {
                let runtime = Builder::new_multi_thread()
                    .worker_threads(2)
                    .enable_all()
                    .build()?;
                runtime.block_on(async { tokio::spawn(self.work::<S>()).await? })
            }
        }
    }

    async fn work<S: Store>(self) -> Result<(), Failed> {
        match &self.work {
            &Work::Fill { first, count } => self.fill::<S>(first, count).await,
            Work::Load(load) => {
                let mut store = S::open(&self).await?;
                report(&load.run(&mut store, self.size).await?)?;
                store.close().await
            }
            Work::Open => self.open::<S>().await,
            Work::Clear => {
                let mut store = S::open(&self).await?;
                ready()?;
                let began = now();
                store.clear(&self).await?;
                let milliseconds = began.elapsed().as_secs_f64() * 1e3;
                report(&Figures::from([(CLEARED.to_owned(), milliseconds)]))
            }
            Work::Churn(churn) => self.churn(*churn).await,
        }
    }

    async fn churn(&self, churn: Churn) -> Result<(), Failed> {
        let mut ours = ours::Ours::open(self).await?;
        report(&churn.run(&mut ours).await?)
    }

    async fn fill<S: Store>(&self, first: u64, count: u64) -> Result<(), Failed> {
        let mut store = S::open(self).await?;
        let mut values = Values::new(self.size);
        ready()?;
        for number in first..first + count {
            let key = Key::of(number);
            store.put(&key, &values.next(&key)).await?;
            if number % BATCH == 0 {
                store.settle().await?;
            }
        }
        store.close().await?;
        report(&Figures::new())
    }

    async fn open<S: Store>(&self) -> Result<(), Failed> {
        let key = Key::of(0);
        let value = Values::new(self.size).next(&key);
        ready()?;
        let began = now();
        let mut store = S::open(self).await?;
        let found = store.get(&key, self.size).await?;
        let read = now();
        store.put(&key, &value).await?;
        let written = now();
        if !found {
            return Err("the first key is not there".into());
        }
        report(&Figures::from([
            (FIRST_GET.to_owned(), (read - began).as_secs_f64() * 1e3),
            (FIRST_PUT.to_owned(), (written - read).as_secs_f64() * 1e3),
        ]))?;
        store.close().await
    }
}

/// Says that it could begin, and waits until it may.
pub(super) fn ready() -> Result<(), Failed> {
    say(READY)?;
    let mut line = String::new();
    io::stdin().lock().read_line(&mut line)?;
    match line.trim_end() {
        GO => Ok(()),
        other => Err(format!("told {other:?} instead of {GO:?}").into()),
    }
}

fn report(figures: &Figures) -> Result<(), Failed> {
    say(&serde_json::to_string(figures)?)
}

fn say(line: &str) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
