//! Numbers that look random and are the same for the same seed.

use std::time::Duration;

/// Draws from a seed: SplitMix64 (Steele, Lea and Flood, 2014), small and good enough for tests.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// The same seed draws the same.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Less than `limit`, which is not zero.
    pub fn below(&mut self, limit: u64) -> u64 {
        self.number() % limit
    }

    /// Whether something happens that happens once in `count` times.
    pub fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    /// Whether something happens whose share is between 0.0, never, and 1.0, always.
    pub fn happens(&mut self, share: f64) -> bool {
        // The upper 53 bits fill a double's mantissa: 0.0 <= drawn < 1.0.
        let drawn = (self.number() >> 11) as f64 / (1_u64 << 53) as f64;
        drawn < share
    }

    /// The index of a place in a list of `len`, which is not empty.
    pub fn index(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// One of `choices`, of which there are some.
    pub fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.index(choices.len())].clone()
    }

    /// One of `choices`, each as often as its weight says.
    ///
    /// # Panics
    /// All weights are zero.
    pub fn weighted<T: Clone>(&mut self, choices: &[(u64, T)]) -> T {
        let mut drawn = self.below(choices.iter().map(|(weight, _)| weight).sum());
        for (weight, choice) in choices {
            if drawn < *weight {
                return choice.clone();
            }
            drawn -= weight;
        }
        unreachable!("less than the sum of the weights")
    }

    /// Up to `longest`, and mostly less than a tenth of it, or a millisecond.
    pub fn duration(&mut self, longest: Duration) -> Duration {
        let longest = match self.one_in(5) {
            true => longest,
            false => (longest / 10).max(Duration::from_millis(1)),
        };
        longest.mul_f64(self.below(1_001) as f64 / 1_000.0)
    }
}
