//! One run: a fleet is started, left to itself for a while, ended, and judged.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use cachekit_core::testkit::history::{Findings, History, check};

use crate::Failed;
use crate::fleet::clock::pass;
use crate::fleet::crew::Crew;
use crate::fleet::kills;
use crate::fleet::nodes::Nodes;
use crate::fleet::origin::Origin;
use crate::fleet::plan::Plan;
use crate::fleet::reader::{Counts, How, Through};
use crate::fleet::scene::{Course, LEASE, Scene};
use crate::fleet::writer::Writer;

/// So long may a round take beside what the origin and dead leaders take.
const ROUND: Duration = Duration::from_secs(30);

/// What came of a run.
pub(super) struct Run {
    pub(super) scene: Scene,
    pub(super) through: Through,
    pub(super) history: History,
    pub(super) findings: Findings,
    /// What failed reads said, and failed invalidations where every server is there.
    pub(super) failed: Vec<String>,
    /// Tasks that still waited for a read when all was over.
    pub(super) unfinished: usize,
    /// Of all processes together, of those that were killed up to shortly before.
    pub(super) counts: Counts,
}

/// Runs `scene`.
pub(super) async fn run(scene: &Scene, through: Through) -> Result<Run, Failed> {
    let folder = folder()?;
    let servers = through.servers(scene.servers);
    let mut nodes = Nodes::start(servers, through.server_arguments(), &folder)?;
    let plan = plan(scene, through, &nodes, &folder);
    // Rounds are measured, so there the origin is exact.
    let exact = matches!(scene.course, Course::Rounds { .. });
    let origin = Origin::listen(&plan.origin, scene.keys, scene.origin, exact)?;
    let crew = Crew::start(scene.processes, plan.clone(), &folder, origin.clone()).await?;
    let writer = Writer::new(origin.clone(), through.open(&plan).await?);
    match scene.course {
        Course::Steady { seconds } => {
            crew.go()?;
            tokio::select! {
                () = pass(Duration::from_secs(seconds)) => {}
                () = writer.write(scene.keys) => {}
                failed = kill(scene, &crew) => failed?,
                failed = lose(scene, &mut nodes) => failed?,
            }
        }
        Course::Rounds { rounds, expired } => {
            in_rounds(scene, rounds, expired, &crew, &writer).await?;
        }
    }
    crew.end().await?;
    let mut history = History::default();
    crew.write_to(&mut history)?;
    history.records.extend(origin.records());
    history.records.extend(writer.records());
    history.records.extend(nodes.records());
    let mut run = Run::new(*scene, through, history, &crew);
    run.add_invalidations(writer.failed());
    Ok(run)
}

async fn in_rounds(
    scene: &Scene,
    rounds: u32,
    expired: bool,
    crew: &Crew,
    writer: &Writer,
) -> Result<(), Failed> {
    let within = ROUND + LEASE + scene.origin * 2;
    for _ in 1..rounds {
        crew.round(within).await?;
    }
    for key in (0..scene.keys).filter(|_| expired) {
        writer.change(key, How::Expire).await;
    }
    tokio::select! {
        done = crew.round(within) => done,
        failed = kill(scene, crew) => failed,
    }
}

impl Run {
    fn new(scene: Scene, through: Through, history: History, crew: &Crew) -> Self {
        let mut counts = Counts::new();
        let reports = crew.reports(|report| report.counts.clone());
        for (name, count) in reports.into_iter().flatten() {
            *counts.entry(name).or_default() += count;
        }
        Self {
            findings: check(&history, &scene.rules(through)),
            scene,
            through,
            history,
            failed: crew.reports(|report| report.failed.clone()).concat(),
            unfinished: crew.reports(|report| report.unfinished).iter().sum(),
            counts,
        }
    }

    /// Those that failed: one may while a server is away.
    fn add_invalidations(&mut self, failed: Vec<String>) {
        if self.scene.loses_nodes {
            let count = failed.len() as u64;
            self.counts.insert("invalidations failed".to_owned(), count);
        } else {
            self.failed.extend(failed);
        }
    }

    /// Whether everything was as it should be.
    pub(super) fn is_clean(&self) -> bool {
        self.findings.violations.is_empty() && self.failed.is_empty() && self.unfinished == 0
    }
}

/// A new one, for the history and the socket of the origin.
fn folder() -> Result<PathBuf, Failed> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("cachekit-fleet-{}-{next}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir(&folder)?;
    Ok(folder)
}

/// That of the writer; of the workers, but for what is each one's own.
fn plan(scene: &Scene, through: Through, nodes: &Nodes, folder: &Path) -> Plan {
    Plan {
        process: 0,
        through,
        servers: nodes.addresses().to_vec(),
        directory: nodes.directory(),
        origin: folder.join("origin"),
        history: PathBuf::new(),
        tasks: scene.tasks,
        keys: scene.keys,
        ttl: scene.ttl,
        l1: scene.l1(),
        reads: scene.reads(),
    }
}

async fn kill(scene: &Scene, crew: &Crew) -> Result<(), Failed> {
    match scene.kills {
        Some(kills) => kills::run(kills, crew).await,
        None => std::future::pending().await,
    }
}

async fn lose(scene: &Scene, nodes: &mut Nodes) -> Result<(), Failed> {
    match scene.loses_nodes {
        true => nodes.lose().await,
        false => std::future::pending().await,
    }
}
