//! Which keys have large values, as far as is known.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use bytes::Bytes;

use crate::protocol::{Expected, LARGE_VALUE, Reply};

/// A power of two.
const PLACES: usize = 4_096;

/// Fingerprints of keys whose last seen value was large. A key may be forgotten for another one of
/// the same place, and one in some four billion is taken for another: what is decided by it is only
/// which connection a request takes.
#[derive(Debug)]
pub(super) struct LargeKeys {
    places: Box<[AtomicU32]>,
    count: AtomicUsize,
}

impl Default for LargeKeys {
    fn default() -> Self {
        Self {
            places: (0..PLACES).map(|_| AtomicU32::new(0)).collect(),
            count: AtomicUsize::new(0),
        }
    }
}

impl LargeKeys {
    /// Learns from the reply to a read of `key`, or of what is `expected`; how many bytes of values it
    /// has.
    pub(super) fn learn_from(
        &self,
        key: Option<&[u8]>,
        expected: &Expected,
        reply: &Reply,
    ) -> usize {
        let mut bytes = 0;
        let mut learn = |key: &[u8], value: &Bytes| {
            self.learn(key, value.len());
            bytes += value.len();
        };
        match reply {
            Reply::Meta(meta) => {
                if let (Some(key), Some(value)) = (key, &meta.value) {
                    learn(key, value);
                }
            }
            Reply::Values(items) => {
                for (key, item) in expected.keys().zip(items) {
                    if let Some(item) = item {
                        learn(key, &item.value);
                    }
                }
            }
            _ => {}
        }
        bytes
    }

    /// The last value of `key` that was seen has so many bytes.
    pub(super) fn learn(&self, key: &[u8], length: usize) {
        let large = length >= LARGE_VALUE;
        // Nothing is known, and nothing is to be remembered: the common case.
        if !large && self.is_empty() {
            return;
        }
        let (place, fingerprint) = self.place(key);
        let known = place.load(Ordering::Relaxed);
        if large && known != fingerprint {
            if place.swap(fingerprint, Ordering::Relaxed) == 0 {
                self.count.fetch_add(1, Ordering::Relaxed);
            }
        } else if !large && known == fingerprint {
            let forgotten =
                place.compare_exchange(fingerprint, 0, Ordering::Relaxed, Ordering::Relaxed);
            if forgotten.is_ok() {
                self.count.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    /// Whether no key is known to have a large value.
    pub(super) fn is_empty(&self) -> bool {
        self.count.load(Ordering::Relaxed) == 0
    }

    pub(super) fn contains(&self, key: &[u8]) -> bool {
        if self.is_empty() {
            return false;
        }
        let (place, fingerprint) = self.place(key);
        place.load(Ordering::Relaxed) == fingerprint
    }

    /// Where `key` belongs, and its fingerprint, which is never 0. By FNV-1a (64 bits): the parts
    /// are from different ends of it.
    fn place(&self, key: &[u8]) -> (&AtomicU32, u32) {
        const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
        const PRIME: u64 = 0x0000_0100_0000_01b3;
        let step = |hash: u64, &byte: &u8| (hash ^ u64::from(byte)).wrapping_mul(PRIME);
        let hash = key.iter().fold(BASIS, step);
        let [a, b, c, d, low @ ..] = hash.to_be_bytes();
        let place = u32::from_be_bytes(low) as usize % PLACES;
        (&self.places[place], u32::from_be_bytes([a, b, c, d]).max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_seen_value_of_a_key_counts() {
        let keys = LargeKeys::default();
        assert!(!keys.contains(b"k"));
        keys.learn(b"k", LARGE_VALUE);
        keys.learn(b"k", LARGE_VALUE);
        assert!(keys.contains(b"k"));
        assert!(!keys.contains(b"l"));
        keys.learn(b"l", 1);
        assert!(keys.contains(b"k"));
        keys.learn(b"k", LARGE_VALUE - 1);
        assert!(!keys.contains(b"k"));
        assert_eq!(keys.count.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn more_keys_than_there_are_places_push_each_other_out() {
        let keys = LargeKeys::default();
        for number in 0..10 * PLACES {
            keys.learn(number.to_string().as_bytes(), LARGE_VALUE);
        }
        let known = (0..10 * PLACES)
            .filter(|number| keys.contains(number.to_string().as_bytes()))
            .count();
        assert!(known <= PLACES && known > PLACES / 2, "{known}");
    }
}
