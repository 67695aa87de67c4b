//! The source of truth, in the parent: it knows the version of every key, takes its time to tell
//! it, and writes down every computation.

use std::collections::HashSet;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachekit_core::testkit::history::Record;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex as AsyncMutex, broadcast};

use crate::Failed;
use crate::fleet::asking::numbers;
use crate::fleet::clock::{now, pass};

/// As many computations may begin before a listener has to look.
const UNHEARD: usize = 4_096;

/// Cheap to clone; clones are the same origin.
#[derive(Clone)]
pub(super) struct Origin(Arc<Shared>);

struct Shared {
    /// How long a computation takes: from half of it to half more, unless it is `exact`.
    takes: Duration,
    exact: bool,
    known: Mutex<Known>,
    begun: broadcast::Sender<Begun>,
}

struct Known {
    versions: Vec<u64>,
    computations: Vec<Computation>,
    /// Processes that are about to be killed: nothing of theirs ends any more.
    cut: HashSet<u32>,
}

struct Computation {
    process: u32,
    key: u32,
    began: u64,
    ended: Option<u64>,
    version: u64,
}

/// A computation has begun.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) process: u32,
    pub(super) key: u32,
    /// How long it will take.
    pub(super) takes: Duration,
}

impl Origin {
    /// Listens on `socket`. Version 0 of every key is true.
    pub(super) fn listen(
        socket: &Path,
        keys: u32,
        takes: Duration,
        exact: bool,
    ) -> Result<Self, Failed> {
        let listener = UnixListener::bind(socket)?;
        let known = Known {
            versions: vec![0; keys as usize],
            computations: Vec::new(),
            cut: HashSet::new(),
        };
        let origin = Self(Arc::new(Shared {
            takes,
            exact,
            known: Mutex::new(known),
            begun: broadcast::Sender::new(UNHEARD),
        }));
        tokio::spawn(origin.clone().accept(listener));
        Ok(origin)
    }

    /// Makes another version of `key` the true one, and tells which.
    pub(super) fn raise(&self, key: u32) -> u64 {
        let version = &mut self.known().versions[key as usize];
        *version += 1;
        *version
    }

    /// Nothing that `process` computes comes to an end from now on.
    pub(super) fn cut(&self, process: u32) {
        self.known().cut.insert(process);
    }

    /// Hears of every computation that begins from now on.
    pub(super) fn begun(&self) -> broadcast::Receiver<Begun> {
        self.0.begun.subscribe()
    }

    /// All computations so far.
    pub(super) fn records(&self) -> Vec<Record> {
        let known = self.known();
        let record = |computation: &Computation| {
            let &Computation {
                process,
                key,
                began,
                ended,
                version,
            } = computation;
            Record::Computation {
                process,
                key,
                began,
                ended,
                version,
            }
        };
        known.computations.iter().map(record).collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn accept(self, listener: UnixListener) {
        while let Ok((worker, _)) = listener.accept().await {
            tokio::spawn(self.clone().serve(worker));
        }
    }

    async fn serve(self, worker: UnixStream) {
        let (lines, replies) = worker.into_split();
        let replies = Arc::new(AsyncMutex::new(replies));
        let mut lines = BufReader::new(lines).lines();
        let hello = lines.next_line().await.ok().flatten();
        let Some(process) = hello.and_then(|line| line.parse::<u32>().ok()) else {
            return;
        };
        while let Ok(Some(line)) = lines.next_line().await {
            let Some((id, key)) = numbers(&line) else {
                return;
            };
            tokio::spawn(self.clone().compute(process, id, key, Arc::clone(&replies)));
        }
    }

    async fn compute(
        self,
        process: u32,
        id: u64,
        key: u32,
        replies: Arc<AsyncMutex<OwnedWriteHalf>>,
    ) {
        let takes = match self.0.exact {
            true => self.0.takes,
            false => self.0.takes.mul_f64(0.5 + fastrand::f64()),
        };
        let (index, version) = self.begin(process, key);
        let _ = self.0.begun.send(Begun {
            process,
            key,
            takes,
        });
        pass(takes).await;
        if self.end(index) {
            let reply = format!("{id} {version}\n");
            let _ = replies.lock().await.write_all(reply.as_bytes()).await;
        }
    }

    /// What is true now is what comes of it, however long it takes.
    fn begin(&self, process: u32, key: u32) -> (usize, u64) {
        let mut known = self.known();
        let version = known.versions[key as usize];
        known.computations.push(Computation {
            process,
            key,
            began: now(),
            ended: None,
            version,
        });
        (known.computations.len() - 1, version)
    }

    /// Whether it comes to an end.
    fn end(&self, index: usize) -> bool {
        let known = &mut *self.known();
        let computation = &mut known.computations[index];
        if known.cut.contains(&computation.process) {
            return false;
        }
        computation.ended = Some(now());
        true
    }
}
