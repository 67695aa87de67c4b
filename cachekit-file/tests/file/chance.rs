//! Choices at random, the same in every run.

/// Knuth's generator of 64 bits, of which the upper half is used.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        let next = self.0.wrapping_mul(6_364_136_223_846_793_005);
        self.0 = next.wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 32) % limit
    }

    /// The length of a value: mostly small, sometimes up to `large`.
    pub(crate) fn length(&mut self, large: u64) -> usize {
        let length = match self.below(20) {
            0 => self.below(large),
            1..=4 => self.below(20_000),
            _ => self.below(2_000),
        };
        usize::try_from(length).expect("a length")
    }
}
