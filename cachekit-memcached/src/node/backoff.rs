//! How long to wait before trying again.

use std::hash::{BuildHasher as _, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LAST: Duration = Duration::from_secs(10);

/// Pauses that double from 0.1 s to 10 s, each shortened by chance to between a half and the
/// whole, so that many processes do not come back at once.
#[derive(Debug)]
pub(super) struct Backoff {
    pause: Duration,
    chance: RandomState,
    count: u64,
}

impl Default for Backoff {
    fn default() -> Self {
        Self {
            pause: FIRST,
            chance: RandomState::new(),
            count: 0,
        }
    }
}

impl Backoff {
    pub(super) fn next(&mut self) -> Duration {
        let whole = self.pause;
        self.pause = (whole * 2).min(LAST);
        self.count += 1;
        let chance = self.chance.hash_one(self.count) % 1_001;
        whole / 2 + whole.mul_f64(chance as f64 / 2_000.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_from_a_tenth_of_a_second_to_ten() {
        let mut backoff = Backoff::default();
        let mut whole = FIRST;
        for _ in 0..20 {
            let pause = backoff.next();
            assert!(
                pause >= whole / 2 && pause <= whole,
                "{pause:?} of {whole:?}"
            );
            whole = (whole * 2).min(LAST);
        }
        assert_eq!(whole, LAST);
    }
}
