//! The cores of this machine, and who had them: Linux only, as it is read from `/proc`.

use std::fs;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// As much of a core may other programs have for a sample to count.
pub(crate) const QUIET: f64 = 0.3;
/// How long one look at the machine takes before a sample, and how many there are at most.
const LOOK: Duration = Duration::from_millis(50);
const LOOKS: usize = 200;
/// What `/proc/stat` counts in, on every Linux that this runs on.
const TICKS_PER_SECOND: u32 = 100;

/// Where client and servers run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Place {
    /// The client on one core, all servers on another; one thread for tokio.
    Pinned,
    /// Nothing pinned; two workers for tokio.
    Free,
}

impl Place {
    /// Puts this process where the client runs.
    pub(crate) fn take_client(self) -> io::Result<()> {
        self.put(None, |cores| cores.first().copied())
    }

    /// Puts all threads of `server` where the servers run.
    pub(crate) fn take_server(self, server: u32) -> io::Result<()> {
        for thread in fs::read_dir(format!("/proc/{server}/task"))? {
            let thread = thread?.file_name();
            let thread = thread.to_str().and_then(|id| id.parse().ok());
            self.put(thread.and_then(Pid::from_raw), |cores| {
                cores.last().copied()
            })?;
        }
        Ok(())
    }

    fn put(
        self,
        thread: Option<Pid>,
        choose: impl Fn(&[usize]) -> Option<usize>,
    ) -> io::Result<()> {
        // Those of the process at its start: later calls would see the one it was pinned to.
        static ALL: std::sync::LazyLock<Vec<usize>> = std::sync::LazyLock::new(cores);
        let mut set = CpuSet::new();
        match self {
            Self::Pinned => set.set(choose(&ALL).ok_or(io::ErrorKind::NotFound)?),
            Self::Free => ALL.iter().for_each(|&core| set.set(core)),
        }
        Ok(sched_setaffinity(thread, &set)?)
    }
}

fn cores() -> Vec<usize> {
    let set = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU)
        .filter(|&core| set.is_set(core))
        .collect()
}

/// Lets this process have as many connections as it may.
pub(crate) fn allow_many_files() -> io::Result<()> {
    let limit = getrlimit(Resource::Nofile);
    let most = Rlimit {
        current: limit.maximum,
        ..limit
    };
    Ok(setrlimit(Resource::Nofile, most)?)
}

/// What was used of the machine up to a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    at: Instant,
    client: Duration,
    servers: Duration,
    everybody: Duration,
}

/// What was used between two moments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spent {
    pub(crate) elapsed: Duration,
    /// Processor time of this process.
    pub(crate) client: Duration,
    /// Processor time of the servers.
    pub(crate) servers: Duration,
    /// How many cores other programs had.
    pub(crate) foreign: f64,
}

impl Usage {
    /// Up to now, by this process, by `servers` and by everybody.
    pub(crate) fn now(servers: &[u32]) -> Self {
        let client = clock_gettime(ClockId::ProcessCPUTime);
        Self {
            at: now(),
            client: Duration::try_from(client).unwrap_or_default(),
            servers: servers.iter().map(|&server| processor_time(server)).sum(),
            everybody: everybody(),
        }
    }

    /// Since `before`, of the same servers.
    pub(crate) fn since(self, before: Self) -> Spent {
        let elapsed = self.at.saturating_duration_since(before.at);
        let client = self.client.saturating_sub(before.client);
        let servers = self.servers.saturating_sub(before.servers);
        let everybody = self.everybody.saturating_sub(before.everybody);
        let foreign = everybody.saturating_sub(client + servers);
        Spent {
            elapsed,
            client,
            servers,
            foreign: foreign.as_secs_f64() / elapsed.as_secs_f64().max(1e-9),
        }
    }
}

/// Waits until no other program uses the machine; gives up after ten seconds.
pub(crate) fn wait_for_quiet() {
    for _ in 0..LOOKS {
        let before = Usage::now(&[]);
        thread::park_timeout(LOOK);
        if Usage::now(&[]).since(before).foreign <= QUIET {
            return;
        }
    }
}

/// The real time.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench reads the real clock, not one that tests can hold"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Lets time pass while the load goes on: what happens in it is what is measured, and nothing is
/// waited for.
pub(crate) async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// The memory of this process that is in use, in bytes.
pub(crate) fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB"));
    kilobytes
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap_or(0)
        * 1024
}

/// Of all threads of a process. The kernel counts it in nanoseconds.
fn processor_time(process: u32) -> Duration {
    let threads = fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.into_iter().flatten().flatten();
    let of_thread = |thread: fs::DirEntry| {
        let schedule = fs::read_to_string(thread.path().join("schedstat")).ok()?;
        schedule.split_whitespace().next()?.parse::<u64>().ok()
    };
    Duration::from_nanos(threads.filter_map(of_thread).sum())
}

/// User, nice and system time of all processes, and what the host took from this machine. Not what
/// interrupts cost: much of it is ours.
fn everybody() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = stat.lines().next().unwrap_or_default().split_whitespace();
    let ticks: Vec<u32> = fields
        .skip(1)
        .filter_map(|field| field.parse().ok())
        .collect();
    let counted = [0, 1, 2, 7].map(|field| ticks.get(field).copied().unwrap_or(0));
    Duration::from_secs(1) * counted.iter().sum::<u32>() / TICKS_PER_SECOND
}
