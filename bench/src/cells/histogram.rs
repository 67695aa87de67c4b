//! How long calls took: in buckets, so that recording one costs nothing that shows.

use std::time::Duration;

use crate::cells::{MEDIAN, P99};

/// Each power of two is cut in so many.
const PARTS: u64 = 32;
const BUCKETS: usize = 64 * PARTS as usize;

/// A histogram from 1 ns upwards, right to one part in [`PARTS`].
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    buckets: Vec<u32>,
    longest: Duration,
}

impl Default for Histogram {
    fn default() -> Self {
        Self {
            buckets: vec![0; BUCKETS],
            longest: Duration::ZERO,
        }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, duration: Duration) {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.buckets[bucket(nanoseconds)] += 1;
        self.longest = self.longest.max(duration);
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (own, other) in self.buckets.iter_mut().zip(&other.buckets) {
            *own += other;
        }
        self.longest = self.longest.max(other.longest);
    }

    /// Microseconds that the `share` of all calls took at most; `None` without calls.
    pub(crate) fn quantile(&self, share: f64) -> Option<f64> {
        let calls: u64 = self.buckets.iter().map(|&count| u64::from(count)).sum();
        let mut left = (calls as f64 * share).ceil();
        for (bucket, &count) in self.buckets.iter().enumerate() {
            left -= f64::from(count);
            if left <= 0.0 && count > 0 {
                return Some(middle(bucket) / 1e3);
            }
        }
        None
    }

    /// The median and the 99th percentile.
    pub(crate) fn figures(&self) -> impl Iterator<Item = (String, f64)> {
        let quantiles = [(MEDIAN, self.quantile(0.5)), (P99, self.quantile(0.99))];
        let timed = quantiles.into_iter();
        timed.filter_map(|(name, micros)| Some((name.to_owned(), micros?)))
    }

    /// The longest call.
    pub(crate) fn longest(&self) -> Duration {
        self.longest
    }
}

fn bucket(nanoseconds: u64) -> usize {
    let index = match nanoseconds.checked_ilog2() {
        Some(power) if nanoseconds >= PARTS => {
            let shift = power - PARTS.ilog2();
            u64::from(shift + 1) * PARTS + ((nanoseconds >> shift) & (PARTS - 1))
        }
        _ => nanoseconds,
    };
    usize::try_from(index).map_or(BUCKETS - 1, |index| index.min(BUCKETS - 1))
}

/// Nanoseconds.
fn middle(bucket: usize) -> f64 {
    let (power, part) = (bucket as u64 / PARTS, bucket as u64 % PARTS);
    match power {
        0 => part as f64,
        _ => ((PARTS + part) as f64 + 0.5) * 2_f64.powi(power as i32 - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_right_to_three_percent() {
        let mut histogram = Histogram::default();
        for micros in 1..=10_000 {
            histogram.record(Duration::from_micros(micros));
        }
        for (share, expected) in [(0.5, 5_000.0), (0.99, 9_900.0), (0.999, 9_990.0)] {
            let found = histogram.quantile(share).unwrap();
            assert!((found / expected - 1.0).abs() < 0.03, "{share}: {found}");
        }
        assert_eq!(histogram.longest(), Duration::from_millis(10));
    }

    #[test]
    fn without_calls_there_is_no_time() {
        assert_eq!(Histogram::default().quantile(0.99), None);
    }

    #[test]
    fn the_longest_time_has_a_bucket() {
        Histogram::default().record(Duration::MAX);
    }
}
