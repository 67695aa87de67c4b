//! What a run is like.

use std::time::Duration;

use cachekit_core::testkit::history::Rules;

use crate::fleet::kills::Kills;
use crate::fleet::plan::Reads;
use crate::fleet::reader::Through;

/// How long the cache lets a lead stand that is not renewed.
pub(super) const LEASE: Duration = Duration::from_secs(6);

/// The longest pause between two looks at what another process computes.
pub(super) const POLL: Duration = Duration::from_millis(250);

/// Until the next server is killed, once the loss of the last one has no effects any more; and how
/// long it is away: up to twice that. A directory is taken away as often, and is there again at once.
pub(super) const BETWEEN_LOSSES: Duration = Duration::from_secs(4);
pub(super) const AWAY: Duration = Duration::from_secs(1);

/// A process looks for a server that is away after pauses that double with every look: of one that
/// was away for two seconds every process knows after so many more.
pub(super) const AFTER_LOSS: Duration = Duration::from_secs(5);

/// A run, as it is unless the command line says otherwise.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) what: &'static str,
    pub(super) processes: u32,
    pub(super) tasks: u32,
    pub(super) keys: u32,
    pub(super) l1: bool,
    pub(super) servers: usize,
    pub(super) origin: Duration,
    pub(super) ttl: Duration,
    pub(super) course: Course,
    pub(super) kills: Option<Kills>,
    pub(super) loses_nodes: bool,
}

/// How a run goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Course {
    /// Reads all the time, for as many seconds, and a writer that changes what is read.
    Steady { seconds: u64 },
    /// All tasks read every key once, as many times. Before the last time everything may be expired;
    /// only then processes are killed.
    Rounds { rounds: u32, expired: bool },
}

/// How long a process keeps values for itself, where it does: less than the default, so that the
/// servers have something to do.
const L1: Duration = Duration::from_secs(1);

/// How long values live where leaders are killed and servers are not.
pub(super) const CHURN_TTL: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(5);

const STEADY: Scene = Scene {
    name: "nodes",
    what: "values change, leaders are killed, and what is stored is lost",
    processes: 4,
    tasks: 16,
    keys: 100,
    l1: true,
    servers: 3,
    origin: Duration::from_millis(100),
    ttl: Duration::from_secs(12),
    course: Course::Steady { seconds: 20 },
    kills: Some(Kills::Share(0.1)),
    loses_nodes: true,
};

const ROUND: Scene = Scene {
    name: "cold",
    what: "one key that nobody has",
    processes: 16,
    tasks: 64,
    keys: 1,
    l1: true,
    servers: 1,
    origin: Duration::from_millis(200),
    ttl: Duration::from_secs(300),
    course: Course::Rounds {
        rounds: 1,
        expired: false,
    },
    kills: None,
    loses_nodes: false,
};

const CHURN: Scene = Scene {
    name: "churn",
    what: "values change, and leaders are killed",
    ttl: CHURN_TTL,
    loses_nodes: false,
    ..STEADY
};

/// With what all of them can: one has no more than one server, and two have no L1.
pub(super) const BESIDE_PEERS: Scene = Scene {
    name: "peers",
    what: "values change, and leaders are killed, for one contender after the other",
    l1: false,
    servers: 1,
    ..CHURN
};

/// The first is the default.
pub(super) const ALL: &[Scene] = &[
    STEADY,
    ROUND,
    CHURN,
    Scene {
        name: "killed",
        what: "leaders in a row are killed, over a key that nobody has",
        processes: 4,
        tasks: 16,
        kills: Some(Kills::First(3)),
        ..ROUND
    },
    Scene {
        name: "killed-stale",
        what: "leaders in a row are killed, over a value that was expired",
        processes: 4,
        tasks: 16,
        l1: false,
        kills: Some(Kills::First(3)),
        course: Course::Rounds {
            rounds: 2,
            expired: true,
        },
        ..ROUND
    },
    Scene {
        name: "slow",
        what: "a computation takes longer than the lease",
        processes: 4,
        tasks: 16,
        origin: Duration::from_secs(LEASE.as_secs() * 2),
        course: Course::Rounds {
            rounds: 2,
            expired: false,
        },
        ..ROUND
    },
];

impl Scene {
    pub(super) const fn reads(&self) -> Reads {
        match self.course {
            Course::Steady { .. } => Reads::Steadily { pause: PAUSE },
            Course::Rounds { .. } => Reads::InRounds,
        }
    }

    /// How long values stay in a process.
    pub(super) fn l1(&self) -> Option<Duration> {
        self.l1.then_some(L1)
    }

    /// What holds for its history.
    pub(super) fn rules(&self, through: Through) -> Rules {
        Rules {
            l1_bound: self.l1().unwrap_or_default(),
            ttl: self.shortest_ttl(),
            lease: through.lease(),
            poll: POLL,
            after_node_loss: AFTER_LOSS,
            computations_per_node_loss: self.computations_per_loss(),
            ..Rules::default()
        }
    }

    /// One at the loss, another for whoever computed just then, and one for each process that
    /// learns of the return: it deletes what others may still read on the server that stood in.
    const fn computations_per_loss(&self) -> u32 {
        2 + self.processes
    }

    /// Less a tenth of jitter, the window in which a value is computed early (four times what it
    /// took on a busy machine, two seconds at least, and half of the ttl at most), and the second
    /// that servers round to.
    fn shortest_ttl(&self) -> Duration {
        let longest = self.origin + Rules::default().lag;
        let early = (longest * 4).max(Duration::from_secs(2)).min(self.ttl / 2);
        self.ttl.mul_f64(0.9) - early - Duration::from_secs(1)
    }
}
