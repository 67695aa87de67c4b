//! One process of the fleet: tasks that read, and write down what they read.

use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use cachekit_core::testkit::history::{Journal, Record};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use crate::fleet::asking;
use crate::fleet::clock::{now, pass, some};
use crate::fleet::plan::{Plan, Reads};
use crate::fleet::reader::{Counts, Reader};
use crate::{Failed, Outcome};

/// So long may reads take that are under way when the parent wants an end: longer than the
/// lease, because one that waits for a dead leader is to be seen.
pub(super) const END: Duration = Duration::from_secs(15);

/// How often a process tells its counts and writes down what it has read: what has come together
/// since is lost when it is killed.
const TOLD: Duration = Duration::from_millis(200);

/// A task waits so long for a read before it makes the next one.
const LONG: Duration = Duration::from_millis(20);

/// What a worker says on its standard output, one a line.
#[derive(Debug, Serialize, Deserialize)]
pub(super) enum Word {
    /// It is connected, and waits for a line.
    Ready,
    /// Every task has read every key once more.
    Round,
    /// A read has failed, or a task has panicked.
    Failed(String),
    Counts(Counts),
    /// As many tasks have not come to an end in time.
    Unfinished(usize),
}

impl Word {
    fn say(&self) {
        // Nobody is left to hear it: the process ends for the same reason.
        let mut line = serde_json::to_vec(self).unwrap_or_default();
        line.push(b'\n');
        let _ = io::stdout().lock().write_all(&line);
    }
}

/// Runs a worker in this process until standard input ends.
pub(crate) fn run(plan: &str) -> Outcome {
    let plan: Plan = serde_json::from_str(plan)?;
    tell_of_panics();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(work(plan))?;
    // What still runs is not waited for.
    std::process::exit(0)
}

/// Tasks end by themselves when they panic, and nobody asks them why.
fn tell_of_panics() {
    let shown = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        shown(panic);
        Word::Failed(panic.to_string()).say();
    }));
}

async fn work(plan: Plan) -> Result<(), Failed> {
    asking::connect(&plan.origin, plan.process).await?;
    let worker = Worker {
        reader: plan.through.open(&plan).await?,
        journal: Journal::append_to(&plan.history)?,
        plan,
    };
    let worker = Arc::new(worker);
    tokio::spawn(Arc::clone(&worker).keep_telling());
    let told = listen();
    Word::Ready.say();
    match worker.plan.reads {
        Reads::Steadily { pause } => Worker::steadily(&worker, pause, told).await,
        Reads::InRounds => Worker::in_rounds(&worker, told).await,
    }
    worker.tell();
    Ok(())
}

/// What the parent has said: as many lines so far. The sender is gone when it wants an end.
fn listen() -> watch::Receiver<u32> {
    let (said, told) = watch::channel(0);
    std::thread::spawn(move || {
        for line in io::stdin().lines() {
            if line.is_err() {
                return;
            }
            said.send_modify(|lines| *lines += 1);
        }
    });
    told
}

struct Worker {
    reader: Arc<dyn Reader>,
    journal: Journal,
    plan: Plan,
}

impl Worker {
    /// From the first line to the end.
    async fn steadily(this: &Arc<Self>, pause: Duration, mut told: watch::Receiver<u32>) {
        if told.changed().await.is_err() {
            return;
        }
        let mut tasks = JoinSet::new();
        for _ in 0..this.plan.tasks {
            tasks.spawn(Arc::clone(this).read_on(pause, told.clone()));
        }
        while told.changed().await.is_ok() {}
        finish(tasks).await;
    }

    /// One read after the other. A read that takes long goes on beside the next ones: a dead leader
    /// is not to keep everybody from reading what others have computed.
    async fn read_on(self: Arc<Self>, pause: Duration, told: watch::Receiver<u32>) {
        let mut long = Vec::new();
        while told.has_changed().is_ok() {
            let (worker, key) = (Arc::clone(&self), fastrand::u32(..self.plan.keys));
            let mut read = tokio::spawn(async move { worker.read(key).await });
            if tokio::time::timeout(LONG, &mut read).await.is_err() {
                long.retain(|read: &JoinHandle<()>| !read.is_finished());
                long.push(read);
            }
            pass(some(pause * 2)).await;
        }
        for read in long {
            let _ = read.await;
        }
    }

    /// One round for each line.
    async fn in_rounds(this: &Arc<Self>, mut told: watch::Receiver<u32>) {
        while told.changed().await.is_ok() {
            let mut tasks = JoinSet::new();
            for _ in 0..this.plan.tasks {
                let worker = Arc::clone(this);
                tasks.spawn(async move {
                    for key in 0..worker.plan.keys {
                        worker.read(key).await;
                    }
                });
            }
            tokio::select! {
                () = all(&mut tasks) => Word::Round.say(),
                () = ended(told.clone()) => return finish(tasks).await,
            }
        }
    }

    async fn read(&self, key: u32) {
        let began = now();
        match self.reader.read(key).await {
            Ok(answer) => written(self.journal.write(&Record::Read {
                process: self.plan.process,
                key,
                began,
                ended: now(),
                version: answer.version,
                stale: answer.stale,
            })),
            Err(error) => Word::Failed(error.to_string()).say(),
        }
    }

    fn tell(&self) {
        written(self.journal.flush());
        Word::Counts(self.reader.counts()).say();
    }

    async fn keep_telling(self: Arc<Self>) {
        loop {
            pass(TOLD).await;
            self.tell();
        }
    }
}

fn written(outcome: io::Result<()>) {
    if let Err(error) = outcome {
        Word::Failed(format!("the history cannot be written: {error}")).say();
    }
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}

async fn ended(mut told: watch::Receiver<u32>) {
    while told.changed().await.is_ok() {}
}

/// Lets the reads that are under way come to their end.
async fn finish(mut tasks: JoinSet<()>) {
    if tokio::time::timeout(END, all(&mut tasks)).await.is_err() {
        Word::Unfinished(tasks.len()).say();
    }
}
