//! How long replies take.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The first bucket is below 2 µs, each further one goes twice as far; the last has no end.
const BUCKETS: usize = 26;

/// Counted durations, in buckets of powers of two of microseconds.
#[derive(Debug, Default)]
pub(crate) struct Histogram([AtomicU64; BUCKETS]);

/// Counts that are not yet in a [`Histogram`].
#[derive(Debug, Default)]
pub(super) struct Counts([u32; BUCKETS]);

impl Counts {
    pub(super) fn add(&mut self, duration: Duration) {
        self.0[bucket(duration)] += 1;
    }
}

impl Histogram {
    /// Takes in `counts`, and empties them.
    pub(super) fn flush(&self, counts: &mut Counts) {
        for (bucket, count) in self.0.iter().zip(&mut counts.0) {
            if *count > 0 {
                bucket.fetch_add(u64::from(std::mem::take(count)), Ordering::Relaxed);
            }
        }
    }

    /// Each bucket: below which duration, and how many. The last goes up to `Duration::MAX`.
    pub(crate) fn buckets(&self) -> Vec<(Duration, u64)> {
        let below = |place: usize| match place + 1 {
            BUCKETS => Duration::MAX,
            power => Duration::from_micros(1 << power),
        };
        let counts = self.0.iter().enumerate();
        counts
            .map(|(place, count)| (below(place), count.load(Ordering::Relaxed)))
            .collect()
    }
}

fn bucket(duration: Duration) -> usize {
    let micros = duration.as_micros().max(1);
    usize::try_from(micros.ilog2()).map_or(BUCKETS - 1, |power| power.min(BUCKETS - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_counted_below_the_next_power_of_two() {
        let histogram = Histogram::default();
        let mut counts = Counts::default();
        for micros in [0, 1, 2, 3, 4, 1_000, 1 << 40] {
            counts.add(Duration::from_micros(micros));
        }
        histogram.flush(&mut counts);
        histogram.flush(&mut counts);
        let counted: Vec<_> = histogram
            .buckets()
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .collect();
        let micros = Duration::from_micros;
        let expected = [
            (micros(2), 2),
            (micros(4), 2),
            (micros(8), 1),
            (micros(1_024), 1),
            (Duration::MAX, 1),
        ];
        assert_eq!(counted, expected);
    }
}
