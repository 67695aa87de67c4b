//! The keys and values of all cases.

use bytes::Bytes;

/// How much of the servers' memory the values of one size may take.
const BUDGET: usize = 128 << 20;
/// How many keys there are, unless their values would take more.
const MOST: usize = 10_000;

/// The keys whose values have one size.
#[derive(Debug)]
pub(super) struct Keys {
    pub(super) texts: Vec<String>,
    pub(super) value: Bytes,
}

impl Keys {
    /// Keys of 30 bytes, with values of `size` bytes.
    pub(super) fn of(size: usize) -> Self {
        let count = MOST.min(BUDGET / size);
        Self {
            texts: (0..count).map(|n| format!("{size:07}:{n:022}")).collect(),
            value: Bytes::from(vec![b'v'; size]),
        }
    }

    /// Any of them.
    pub(super) fn choose(&self, random: &mut fastrand::Rng) -> &str {
        &self.texts[random.usize(..self.texts.len())]
    }

    /// `count` different ones.
    pub(super) fn choose_many(&self, count: usize, random: &mut fastrand::Rng) -> Vec<&str> {
        let first = random.usize(..self.texts.len());
        let following = self.texts.iter().cycle().skip(first);
        following.map(String::as_str).take(count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_30_bytes_and_values_their_size() {
        for size in [100, 10_000, 500_000, 1_000_000] {
            let keys = Keys::of(size);
            assert!(keys.texts.iter().all(|key| key.len() == 30));
            assert!(keys.texts.len() * size <= BUDGET && keys.texts.len() > 100);
            assert_eq!(keys.value.len(), size);
        }
    }
}
