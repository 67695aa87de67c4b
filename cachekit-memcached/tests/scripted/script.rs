//! What a peer does, and how far it has come.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

/// What becomes of the replies. Places are counted in bytes, over all connections, from the moment
/// at which the script is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Script {
    /// They are passed on as they are.
    #[default]
    Honest,
    /// The connection is closed in front of this byte, as soon as the byte is there or the one
    /// before was passed on. After that, the peer is honest.
    Cut(usize),
    /// Nothing from this byte on is passed on, until there is another script.
    Hold(usize),
    /// In front of byte `at` come others, and `without` of its own are left out. After that, the
    /// peer is honest.
    Splice {
        at: usize,
        with: Vec<u8>,
        without: usize,
    },
    /// New connections are told this, and closed.
    TurnAway(&'static str),
    /// What is sent is not read.
    Deaf,
}

/// What has happened since the script was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    /// What clients sent, and on which connection.
    pub(crate) asked: Vec<(u32, Vec<u8>)>,
    /// What the server said, passed on or not.
    pub(crate) said: Vec<u8>,
    /// How many bytes of it are dealt with: passed on or left out.
    pub(crate) done: usize,
    /// How many connections were made.
    pub(crate) connections: usize,
    /// Which have ended.
    pub(crate) ended: Vec<u32>,
}

impl Progress {
    /// Whether `words` were sent on this connection.
    pub(crate) fn has_asked(&self, number: u32, words: &[u8]) -> bool {
        let mut of_it = self.asked.iter().filter(|(asking, _)| *asking == number);
        of_it.any(|(_, asked)| asked.windows(words.len()).any(|part| part == words))
    }
}

/// The script that all connections of a peer follow, and how far they have come.
#[derive(Debug, Default)]
pub(crate) struct Scene {
    script: Mutex<Script>,
    changed: Notify,
    progress: watch::Sender<Progress>,
    next: AtomicU32,
}

/// What to do next with what the server said.
#[derive(Debug)]
pub(crate) enum Step {
    /// Pass this on.
    Pass(Vec<u8>),
    /// Wait for another script.
    Wait,
    Close,
}

impl Scene {
    pub(crate) fn begin(&self, script: Script) {
        self.progress.send_replace(Progress::default());
        *self.script() = script;
        self.changed.notify_waiters();
    }

    /// The rest is as it should be; counts go on.
    pub(crate) fn go_on(&self) {
        *self.script() = Script::Honest;
        self.changed.notify_waiters();
    }

    /// The number of the next connection.
    pub(crate) fn next(&self) -> u32 {
        self.next.load(Ordering::Relaxed)
    }

    /// A connection was made, and is given its number.
    pub(crate) fn begun(&self) -> u32 {
        self.note(|progress| progress.connections += 1);
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Connection `number` has ended: nothing more of it can be left out.
    pub(crate) fn ended(&self, number: u32) {
        self.note(|progress| progress.ended.push(number));
        let mut script = self.script();
        if matches!(&*script, Script::Splice { with, .. } if with.is_empty()) {
            *script = Script::Honest;
        }
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.borrow().clone()
    }

    pub(crate) async fn until(&self, reached: impl FnMut(&Progress) -> bool) {
        let there = self.is_there(reached).await;
        assert!(there, "the peer does not come so far: {self:?}");
    }

    /// Whether the peer comes so far before the deadline.
    pub(crate) async fn is_there(&self, reached: impl FnMut(&Progress) -> bool) -> bool {
        let mut progress = self.progress.subscribe();
        let wait = progress.wait_for(reached);
        let waited = tokio::time::timeout(super::DEADLINE, wait).await;
        waited.is_ok_and(|progress| progress.is_ok())
    }

    pub(crate) fn note(&self, change: impl FnOnce(&mut Progress)) {
        self.progress.send_modify(change);
    }

    pub(crate) fn changed(&self) -> &Notify {
        &self.changed
    }

    pub(crate) fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to do with `waiting`, which the server said and nobody has seen; `None` if there is
    /// nothing to do.
    pub(crate) fn step(&self, waiting: &mut Vec<u8>) -> Option<Step> {
        let mut script = self.script();
        let done = self.progress.borrow().done;
        // Behind the last byte there is nothing to wait for; in front of the first, there is.
        let reached = |at: usize| done >= at && (at > 0 || !waiting.is_empty());
        let pass = |waiting: &mut Vec<u8>, end: usize| {
            let count = waiting.len().min(end - done);
            self.note(|progress| progress.done += count);
            (count > 0).then(|| Step::Pass(waiting.drain(..count).collect()))
        };
        match &mut *script {
            Script::Honest | Script::TurnAway(_) | Script::Deaf => pass(waiting, usize::MAX),
            Script::Cut(at) if reached(*at) => {
                *script = Script::Honest;
                Some(Step::Close)
            }
            Script::Hold(at) if reached(*at) => (!waiting.is_empty()).then_some(Step::Wait),
            Script::Splice { at, with, without } if reached(*at) => {
                let left_out = waiting.len().min(*without);
                waiting.drain(..left_out);
                self.note(|progress| progress.done += left_out);
                let inserted = std::mem::take(with);
                *at += left_out;
                *without -= left_out;
                if *without == 0 {
                    *script = Script::Honest;
                }
                let more = !inserted.is_empty() || !waiting.is_empty();
                more.then_some(Step::Pass(inserted))
            }
            Script::Cut(at) | Script::Hold(at) | Script::Splice { at, .. } => {
                let at = *at;
                pass(waiting, at)
            }
        }
    }
}
