//! How long replies take.

use std::fmt;
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

    /// How it is now.
    pub(super) fn latency(&self) -> Latency {
        let count = |place: usize| self.0[place].load(Ordering::Relaxed);
        Latency(std::array::from_fn(count))
    }
}

/// How long replies took, counted in buckets that go up to 2 µs, 4 µs, 8 µs and so on, each twice as
/// far as the one before; the last, from 33 s on, has no end.
#[derive(Clone, PartialEq, Eq)]
pub struct Latency([u64; BUCKETS]);

impl Latency {
    /// Each bucket: below which duration, and how many replies took less, but not so little that
    /// they are in the bucket before. The last goes up to [`Duration::MAX`].
    pub fn buckets(&self) -> impl Iterator<Item = (Duration, u64)> + '_ {
        let counts = self.0.iter().enumerate();
        counts.map(|(place, &count)| (below(place), count))
    }

    /// How many replies there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Below which duration this part of all replies came: of `0.99`, all but one of a hundred.
    /// Rounded up to the end of a bucket, so at most twice of what it was; [`Duration::MAX`] if that
    /// is the last bucket. `None` as long as there is no reply. A `part` that is not between 0 and
    /// 1 is taken for the nearer of them.
    #[must_use]
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let rank = part.clamp(0.0, 1.0) * self.count() as f64;
        let mut count = 0;
        let mut reaches = |bucket: u64| {
            count += bucket;
            count > 0 && count as f64 >= rank
        };
        let (bound, _) = self.buckets().find(|&(_, bucket)| reaches(bucket))?;
        Some(bound)
    }
}

impl fmt::Debug for Latency {
    /// Without the buckets that are empty.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let filled = self.buckets().filter(|(_, count)| *count > 0);
        f.debug_map().entries(filled).finish()
    }
}

/// The end of a bucket.
fn below(place: usize) -> Duration {
    match place + 1 {
        BUCKETS => Duration::MAX,
        power => Duration::from_micros(1 << power),
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
        let latency = histogram.latency();
        let counted: Vec<_> = latency.buckets().filter(|(_, count)| *count > 0).collect();
        let micros = Duration::from_micros;
        let expected = [
            (micros(2), 2),
            (micros(4), 2),
            (micros(8), 1),
            (micros(1_024), 1),
            (Duration::MAX, 1),
        ];
        assert_eq!(counted, expected);
        assert_eq!(latency.count(), 7);
    }

    #[test]
    fn a_quantile_is_the_end_of_the_bucket_that_it_lies_in() {
        let histogram = Histogram::default();
        assert_eq!(histogram.latency().quantile(0.5), None);
        let micros = Duration::from_micros;
        let mut counts = Counts::default();
        for _ in 0..99 {
            counts.add(micros(3));
        }
        counts.add(micros(1_000));
        histogram.flush(&mut counts);
        let latency = histogram.latency();
        for (part, bound) in [
            (-1.0, 4),
            (0.0, 4),
            (0.5, 4),
            (0.99, 4),
            (0.991, 1_024),
            (1.0, 1_024),
            (f64::INFINITY, 1_024),
        ] {
            assert_eq!(latency.quantile(part), Some(micros(bound)), "{part}");
        }
    }
}
