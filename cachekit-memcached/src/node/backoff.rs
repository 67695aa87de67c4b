//! How long to wait before trying again.

use std::time::Duration;

use crate::chance::Chance;

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(10);
/// No pause is shorter, whatever chance says: a node that is down is not asked in a busy loop.
const LEAST: Duration = Duration::from_millis(10);

/// Pauses whose upper bound doubles from 0.1 s to 10 s. Each is drawn evenly from what lies below
/// its bound ("full jitter"), so that many processes do not come back at once.
///
/// Source: Marc Brooker, "Exponential Backoff and Jitter", AWS Architecture Blog, 2015.
#[derive(Debug)]
pub(super) struct Backoff {
    bound: Duration,
    chance: Chance,
    count: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            bound: FIRST,
            chance: Chance::default(),
            count: 0,
        }
    }
}

impl Backoff {
    pub(super) fn next(&mut self) -> Duration {
        let bound = self.bound;
        self.bound = (bound * 2).min(LAST);
        self.count += 1;
        bound.mul_f64(self.chance.of(self.count)).max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_of_pauses_doubles_from_a_tenth_of_a_second_to_ten() {
        let mut backoff = Backoff::default();
        let mut bound = FIRST;
        for _ in 0..20 {
            let pause = backoff.next();
            assert!(pause >= LEAST && pause <= bound, "{pause:?} of {bound:?}");
            bound = (bound * 2).min(LAST);
        }
        assert_eq!(bound, LAST);
    }

    #[test]
    fn pauses_spread_over_the_whole_of_their_range() {
        let lasts: Vec<Duration> = (0..100)
            .map(|_| {
                let mut backoff = Backoff::default();
                let pauses = std::iter::repeat_with(|| backoff.next());
                pauses.take(9).last().unwrap()
            })
            .collect();
        assert!(lasts.iter().any(|&pause| pause < LAST / 4));
        assert!(lasts.iter().any(|&pause| pause > LAST * 3 / 4));
    }
}
