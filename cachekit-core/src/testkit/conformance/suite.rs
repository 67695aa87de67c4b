//! A backend, what must be known of it, and the run.

use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use super::{
    Check, Failure, Line, Report, Scene, leading, leases, many, reading, unfenced, writing,
};
use crate::backend::{Backend, Ttl};
use crate::testkit::ManualClock;

/// A backend under test and what its store is like.
///
/// The defaults are those of a store that leads, counts milliseconds on the system's clock and
/// takes values of any size.
#[derive(Clone, Debug)]
pub struct Suite {
    pub(super) backend: Arc<dyn Backend>,
    /// `None`: time passes by itself.
    pub(super) clock: Option<ManualClock>,
    pub(super) resolution: Duration,
    pub(super) shortest_hold: Duration,
    pub(super) leads: bool,
    pub(super) timed: bool,
    pub(super) refused: Option<usize>,
    /// Makes the keys of this run its own.
    pub(super) run: u64,
}

impl Suite {
    /// A suite for `backend`.
    #[must_use]
    pub fn new(backend: Arc<dyn Backend>) -> Self {
        Self {
            backend,
            clock: None,
            resolution: Duration::from_millis(1),
            shortest_hold: Duration::ZERO,
            leads: true,
            timed: true,
            refused: None,
            run: RandomState::new().hash_one("conformance"),
        }
    }

    /// The store's time is `clock`, and the suite moves it. Without this the suite waits for the
    /// store, always with a deadline.
    #[must_use]
    pub fn by_hand(mut self, clock: ManualClock) -> Self {
        self.clock = Some(clock);
        self
    }

    /// The unit in which the store counts a ttl, up to which it may round: 1 ms by default, at
    /// most 10 s.
    #[must_use]
    pub const fn resolution(mut self, resolution: Duration) -> Self {
        self.resolution = resolution;
        self
    }

    /// The shortest hold that the store grants: a shorter one is lengthened to it.
    #[must_use]
    pub const fn shortest_hold(mut self, hold: Duration) -> Self {
        self.shortest_hold = hold;
        self
    }

    /// The store cannot fence: in place of the lines on leading, it must answer
    /// [`Lead::Unfenced`](crate::backend::Lead::Unfenced) wherever it would have to choose, and keep
    /// the others waiting if it does so with a token.
    #[must_use]
    pub const fn unfenced(mut self) -> Self {
        self.leads = false;
        self
    }

    /// The store does not tell how much time is left.
    #[must_use]
    pub const fn untimed(mut self) -> Self {
        self.timed = false;
        self
    }

    /// A value of `bytes` bytes is over the store's limit.
    #[must_use]
    pub const fn refuses(mut self, bytes: usize) -> Self {
        self.refused = Some(bytes);
        self
    }

    /// Runs every line of the contract, printing each as it ends.
    ///
    /// On a manual clock one line runs after the other, because each moves the time of all. On
    /// the system's they run at once, and take about as long as three of the store's shortest
    /// ttls. A line that panics is broken. Needs a tokio runtime.
    pub async fn run(&self) -> Report {
        let mut report = Report::new();
        let mut running = Vec::new();
        for line in self.lines() {
            let check = (line.check)(Scene::new(self.clone(), line.name));
            let task = tokio::spawn(check);
            if self.clock.is_some() {
                finish(&mut report, line.name, task).await;
            } else {
                running.push((line.name, task));
            }
        }
        for (name, task) in running {
            finish(&mut report, name, task).await;
        }
        report
    }

    fn lines(&self) -> impl Iterator<Item = Line> + use<> {
        let [leading, leases] = if self.leads {
            [leading::LINES, &[]]
        } else {
            [unfenced::LINES, leases::LINES]
        };
        let timed = if self.timed { reading::TIMED } else { &[] };
        let over_the_limit = if self.refused.is_some() {
            writing::LIMITED
        } else {
            &[]
        };
        [
            reading::LINES,
            timed,
            writing::LINES,
            over_the_limit,
            many::LINES,
            leading,
            leases,
        ]
        .into_iter()
        .flatten()
        .copied()
    }

    /// A ttl that the suite can afford to outlive.
    pub(super) fn short(&self) -> Ttl {
        let shortest = (2 * self.resolution).max(self.shortest_hold);
        Ttl::new(shortest.max(Duration::from_millis(100))).unwrap_or(Ttl::NEVER)
    }
}

async fn finish(
    report: &mut Report,
    name: &'static str,
    task: tokio::task::JoinHandle<<Check as Future>::Output>,
) {
    let outcome = task
        .await
        .unwrap_or_else(|error| Err(Failure::new(format!("the line did not end: {error}"))));
    match &outcome {
        Ok(()) => println!("holds   {name}"),
        Err(seen) => println!("BROKEN  {name}: {seen}"),
    }
    report.add(name, outcome);
}
