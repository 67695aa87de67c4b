//! The workers, as the parent has them: started, told, killed, replaced, and ended.

use std::fs;
use std::io::{BufRead as _, BufReader, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cachekit_core::testkit::history::{History, Record};
use tokio::sync::{Notify, broadcast};

use crate::Failed;
use crate::fleet::clock::now;
use crate::fleet::origin::{Begun, Origin};
use crate::fleet::plan::Plan;
use crate::fleet::reader::Counts;
use crate::fleet::worker::{END, Word};

/// So long may workers take to get ready, or to end after [`END`].
const READY: Duration = Duration::from_secs(20);

pub(super) struct Crew {
    origin: Origin,
    plan: Plan,
    folder: PathBuf,
    workers: Mutex<Workers>,
    /// Somebody has said something.
    said: Arc<Notify>,
}

#[derive(Default)]
struct Workers {
    /// The number of the next one.
    next: u32,
    alive: Vec<Worker>,
    killed: Vec<(u32, u64)>,
    /// What the workers have said, those that are gone included.
    reports: Vec<Arc<Mutex<Report>>>,
}

struct Worker {
    process: u32,
    child: Child,
    /// Dropped to tell it to end.
    orders: Option<ChildStdin>,
    report: Arc<Mutex<Report>>,
}

/// What a worker has said.
#[derive(Debug, Default)]
pub(super) struct Report {
    ready: bool,
    /// It was told to go on, and has not said that it has come to the end of a round.
    goes: bool,
    ended: bool,
    pub(super) failed: Vec<String>,
    pub(super) counts: Counts,
    pub(super) unfinished: usize,
}

impl Crew {
    /// Starts `count` workers that go by `plan`, but for their numbers and where they write. Waits
    /// until all of them are ready.
    pub(super) async fn start(
        count: u32,
        plan: Plan,
        folder: &Path,
        origin: Origin,
    ) -> Result<Self, Failed> {
        let crew = Self {
            origin,
            plan,
            folder: folder.to_owned(),
            workers: Mutex::default(),
            said: Arc::default(),
        };
        for _ in 0..count {
            crew.add(&mut crew.workers())?;
        }
        crew.until(READY, |report| report.ready).await?;
        Ok(crew)
    }

    /// Says to all workers that they may go on.
    pub(super) fn go(&self) -> Result<(), Failed> {
        self.workers().alive.iter_mut().try_for_each(Worker::go)
    }

    /// Lets all workers make a round, and waits until they have.
    pub(super) async fn round(&self, within: Duration) -> Result<(), Failed> {
        self.go()?;
        self.until(within, |report| !report.goes).await
    }

    /// Hears of every computation that begins from now on.
    pub(super) fn begun(&self) -> broadcast::Receiver<Begun> {
        self.origin.begun()
    }

    /// Kills `process`, if it is still there, and puts another in its place, which goes at once.
    pub(super) fn replace(&self, process: u32) -> Result<(), Failed> {
        let mut workers = self.workers();
        let position = workers.alive.iter().position(|one| one.process == process);
        let Some(position) = position else {
            return Ok(());
        };
        self.origin.cut(process);
        workers.alive[position].look_how_it_ended()?;
        // Before it dies: others may know of it sooner than this process does.
        workers.killed.push((process, now()));
        drop(workers.alive.swap_remove(position));
        self.add(&mut workers)?.go()
    }

    /// Tells all workers to end, and waits until they have. One that had ended before, or that ends in
    /// another way, has failed.
    pub(super) async fn end(&self) -> Result<(), Failed> {
        for worker in &mut self.workers().alive {
            worker.orders = None;
        }
        self.until(END + READY, |report| report.ended).await?;
        self.workers().alive.iter_mut().try_for_each(|worker| {
            worker.child.wait()?;
            worker.look_how_it_ended()
        })
    }

    /// Adds what was read, and who was killed.
    pub(super) fn write_to(&self, history: &mut History) -> Result<(), Failed> {
        let workers = self.workers();
        let killed = workers.killed.iter();
        let killed = killed.map(|&(process, at)| Record::Killed { process, at });
        history.records.extend(killed);
        for process in 0..workers.next {
            match fs::read_to_string(self.history(process)) {
                Ok(text) => history.read(&text)?,
                // It was killed at its start.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// What `of` gives for each worker there was.
    pub(super) fn reports<T>(&self, of: impl Fn(&Report) -> T) -> Vec<T> {
        let workers = self.workers();
        workers
            .reports
            .iter()
            .map(|report| of(&lock(report)))
            .collect()
    }

    fn add<'a>(&self, workers: &'a mut Workers) -> Result<&'a mut Worker, Failed> {
        let process = workers.next;
        workers.next += 1;
        let plan = Plan {
            process,
            history: self.history(process),
            ..self.plan.clone()
        };
        let worker = Worker::start(&plan, Arc::clone(&self.said))?;
        workers.reports.push(Arc::clone(&worker.report));
        workers.alive.push(worker);
        Ok(workers.alive.last_mut().ok_or("one was added")?)
    }

    fn history(&self, process: u32) -> PathBuf {
        self.folder.join(format!("{process}.history"))
    }

    /// Waits until `is_so` of every worker that is alive.
    async fn until(&self, within: Duration, is_so: impl Fn(&Report) -> bool) -> Result<(), Failed> {
        let wait = async {
            loop {
                let said = self.said.notified();
                tokio::pin!(said);
                said.as_mut().enable();
                if self.all(&is_so) {
                    return;
                }
                said.await;
            }
        };
        let waited = tokio::time::timeout(within, wait).await;
        waited.map_err(|_| format!("a worker did not do what it was told within {within:?}").into())
    }

    fn all(&self, is_so: impl Fn(&Report) -> bool) -> bool {
        let workers = self.workers();
        workers.alive.iter().all(|one| is_so(&lock(&one.report)))
    }

    fn workers(&self) -> MutexGuard<'_, Workers> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Worker {
    fn start(plan: &Plan, said: Arc<Notify>) -> Result<Self, Failed> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["fleet-worker", &serde_json::to_string(plan)?])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let report = Arc::default();
        let words = child.stdout.take().ok_or("its output is piped")?;
        let heard = Arc::clone(&report);
        std::thread::spawn(move || hear(words, &heard, &said));
        Ok(Self {
            process: plan.process,
            orders: child.stdin.take(),
            child,
            report,
        })
    }

    fn go(&mut self) -> Result<(), Failed> {
        lock(&self.report).goes = true;
        let orders = self.orders.as_mut().ok_or("it was told to end")?;
        // One that has ended hears nothing: that is found out at the end.
        let _ = orders.write_all(b"go\n");
        Ok(())
    }

    /// If it has ended, and not as it was told.
    fn look_how_it_ended(&mut self) -> Result<(), Failed> {
        let status = self.child.try_wait()?;
        if let Some(status) = status.filter(|status| !status.success()) {
            let problem = format!("process {} ended by itself: {status}", self.process);
            lock(&self.report).failed.push(problem);
        }
        Ok(())
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Until the worker is gone.
fn hear(words: ChildStdout, report: &Mutex<Report>, said: &Notify) {
    for line in BufReader::new(words).lines().map_while(Result::ok) {
        // The last line of one that was killed may be torn.
        if let Ok(word) = serde_json::from_str(&line) {
            lock(report).add(word);
            said.notify_waiters();
        }
    }
    lock(report).ended = true;
    said.notify_waiters();
}

impl Report {
    fn add(&mut self, word: Word) {
        match word {
            Word::Ready => self.ready = true,
            Word::Round => self.goes = false,
            Word::Failed(problem) => self.failed.push(problem),
            Word::Counts(counts) => self.counts = counts,
            Word::Unfinished(reads) => self.unfinished = reads,
        }
    }
}

fn lock(report: &Mutex<Report>) -> MutexGuard<'_, Report> {
    report.lock().unwrap_or_else(PoisonError::into_inner)
}
