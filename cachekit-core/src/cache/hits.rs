//! Hits in this process, counted without making them dearer.
//!
//! A counter that all hits wrote to would cost more than the look-up itself as soon as two
//! processors shared it. Here each thread has a lane of its own, as far as there are lanes: a hit
//! reads and writes a line of memory that no other processor asks for, and does so without an
//! atomic addition. What that loses is small: two threads of one lane may each overwrite what the
//! other has counted meanwhile.

use std::cell::Cell;
use std::fmt;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// More threads than this share lanes. Together they are 4 KiB in each function and each cache:
/// part of it, because a hit would have to look up what lies elsewhere.
const LANES: usize = 64;

/// A line of memory of its own.
#[repr(align(64))]
struct Lane(AtomicU64);

/// How many there were.
pub(crate) struct Hits([Lane; LANES]);

impl Hits {
    pub(crate) const fn new() -> Self {
        Self([const { Lane(AtomicU64::new(0)) }; LANES])
    }

    /// Counts one, on the lane of this thread.
    #[inline]
    pub(crate) fn add(&self, lane: LaneOfThread) {
        let Lane(count) = &self.0[lane.0 % LANES];
        // No `fetch_add`: it locks the line of memory, and that is what a hit cannot afford.
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
    }

    /// How many were counted.
    pub(crate) fn read(&self) -> u64 {
        let counts = self
            .0
            .iter()
            .map(|Lane(count)| count.load(Ordering::Relaxed));
        counts.sum()
    }
}

impl fmt::Debug for Hits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hits({})", self.read())
    }
}

/// On which lane a thread counts: the same one for as long as it lives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneOfThread(usize);

impl LaneOfThread {
    #[inline]
    pub(crate) fn current() -> Self {
        let lane = LANE.get();
        if lane < LANES {
            Self(lane)
        } else {
            Self(assign() % LANES)
        }
    }
}

#[cold]
fn assign() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let lane = NEXT.fetch_add(1, Ordering::Relaxed) % LANES;
    LANE.set(lane);
    lane
}

thread_local! {
    /// `LANES`: none so far.
    static LANE: Cell<usize> = const { Cell::new(LANES) };
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn hits_of_threads_with_lanes_of_their_own_are_all_counted() {
        static HITS: Hits = Hits::new();
        let threads: Vec<_> = (0..4)
            .map(|lane| {
                thread::spawn(move || (0..10_000).for_each(|_| HITS.add(LaneOfThread(lane))))
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(HITS.read(), 40_000);
    }

    #[test]
    fn a_thread_stays_on_its_lane_and_the_next_one_has_another() {
        let here = LaneOfThread::current().0;
        let there = thread::spawn(|| LaneOfThread::current().0).join().unwrap();
        assert_eq!(LaneOfThread::current().0, here);
        assert_ne!(here, there);
    }

    #[test]
    fn nothing_is_counted_where_nothing_was_hit() {
        assert_eq!(Hits::new().read(), 0);
    }
}
