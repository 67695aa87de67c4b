//! Time: all contenders in one process, in rounds, in another order in each round.

use std::fmt;
use std::fs;
use std::sync::Barrier;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Figures are medians of so many rounds.
pub(crate) const ROUNDS: usize = 9;
/// How long one contender has the machine in one round.
const SLOT: Duration = Duration::from_millis(25);

/// The same operations, again and again.
pub(crate) trait Pass: Sync {
    /// One pass; `thread` is 0 or 1, and each has an order of its own.
    fn pass(&self, thread: usize);
}

/// Nanoseconds of one pass, on one thread and on two at once.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Nanoseconds {
    pub(crate) one_thread: f64,
    pub(crate) two_threads: f64,
}

impl Nanoseconds {
    /// The share of one of `count` operations.
    pub(crate) fn per(self, count: usize) -> Self {
        Self {
            one_thread: self.one_thread / count as f64,
            two_threads: self.two_threads / count as f64,
        }
    }
}

/// The medians of all contenders, in the order given.
pub(crate) fn rounds<C: Pass + fmt::Debug>(contenders: &[C]) -> Vec<Nanoseconds> {
    let mut samples = vec![(Vec::new(), Vec::new()); contenders.len()];
    let mut order: Vec<_> = (0..contenders.len()).collect();
    for _ in 0..ROUNDS {
        fastrand::shuffle(&mut order);
        for &index in &order {
            let contender = &contenders[index];
            samples[index].0.push(slot(contender, 0));
            samples[index].1.push(two_slots(contender));
        }
    }
    let medians = |(one, two)| Nanoseconds {
        one_thread: median(one),
        two_threads: median(two),
    };
    samples.into_iter().map(medians).collect()
}

/// Passes whose instructions valgrind counts, by the name of this function.
#[inline(never)]
pub(crate) fn counted(contender: &impl Pass, count: usize) {
    for _ in 0..count {
        contender.pass(0);
    }
}

/// Nanoseconds of one pass, after one that warms up, less what the thread waited for a processor.
#[expect(
    clippy::disallowed_methods,
    reason = "a bench reads the real clock, not one that tests can hold"
)]
fn slot(contender: &impl Pass, thread: usize) -> f64 {
    contender.pass(thread);
    let waited = waited_for_a_processor();
    let start = Instant::now();
    let mut passes = 0.0;
    loop {
        contender.pass(thread);
        passes += 1.0;
        let elapsed = start.elapsed();
        if elapsed >= SLOT {
            let waited = waited_for_a_processor().saturating_sub(waited);
            WAITED.fetch_add(nanoseconds(waited), Ordering::Relaxed);
            MEASURED.fetch_add(nanoseconds(elapsed), Ordering::Relaxed);
            return elapsed.saturating_sub(waited).as_secs_f64() * 1e9 / passes;
        }
    }
}

/// How long this thread could have run and did not, because another program did. The kernel
/// counts it; zero where it does not.
fn waited_for_a_processor() -> Duration {
    let schedule = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let waited = schedule.split_whitespace().nth(1);
    let waited = waited.and_then(|nanoseconds| nanoseconds.parse().ok());
    Duration::from_nanos(waited.unwrap_or(0))
}

fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

static WAITED: AtomicU64 = AtomicU64::new(0);
static MEASURED: AtomicU64 = AtomicU64::new(0);

/// The share of all slots so far in which other programs had the processor, 0 to 1. They cost
/// more than the time, which is taken out: what they leave in the processor's caches, and two
/// threads that do not run at the same time do not get in each other's way.
pub(crate) fn disturbance() -> f64 {
    WAITED.load(Ordering::Relaxed) as f64 / MEASURED.load(Ordering::Relaxed).max(1) as f64
}

/// The mean of two threads that run at the same time.
fn two_slots(contender: &impl Pass) -> f64 {
    let start = Barrier::new(2);
    let run = |thread| {
        start.wait();
        slot(contender, thread)
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| run(1));
        let own = run(0);
        let other = other.join().expect("a pass does not panic");
        (own + other) / 2.0
    })
}

/// Of at least one sample.
pub(crate) fn median(mut samples: Vec<f64>) -> f64 {
    samples.sort_by(f64::total_cmp);
    samples[samples.len() / 2]
}
