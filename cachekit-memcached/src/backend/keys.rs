//! From the key of the cache to the key on the wire, and to the text that places it.

use std::borrow::Cow;

use cachekit_core::error::{Error, ErrorKind, Result};
use cachekit_core::key::StoreKey;

use crate::protocol::{Key, MAX_KEY_LEN};

/// Stands between what is readable of a long key and its hash. No [`StoreKey`] has a byte of it,
/// so no short key is ever equal to a hashed one.
const HASHED: &str = "…";

/// How keys are written.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    prefix: String,
    hash_prefix: bool,
}

impl Keys {
    pub(super) const fn new(prefix: String, hash_prefix: bool) -> Self {
        Self {
            prefix,
            hash_prefix,
        }
    }

    /// The key on the wire: prefix and text. Where that is over 250 bytes: prefix, what fits of
    /// the text, and the BLAKE3 of the whole text.
    pub(super) fn wire(&self, key: &StoreKey) -> Result<Key> {
        let text = key.as_str();
        let mut wire = Vec::with_capacity(MAX_KEY_LEN);
        wire.extend_from_slice(self.prefix.as_bytes());
        if wire.len() + text.len() <= MAX_KEY_LEN {
            wire.extend_from_slice(text.as_bytes());
        } else {
            let hash = blake3::hash(text.as_bytes()).to_hex();
            let readable = MAX_KEY_LEN - wire.len() - HASHED.len() - hash.len();
            wire.extend_from_slice(&text.as_bytes()[..readable]);
            wire.extend_from_slice(HASHED.as_bytes());
            wire.extend_from_slice(hash.as_bytes());
        }
        Key::new(&wire).map_err(|invalid| {
            Error::with_source(ErrorKind::InvalidKey, "memcached key", "", invalid)
        })
    }

    /// The text that decides on which node the key lies.
    pub(super) fn route<'a>(&self, key: &'a StoreKey) -> Cow<'a, str> {
        let route = key.route();
        if self.hash_prefix && !self.prefix.is_empty() {
            Cow::Owned(format!("{}{route}", self.prefix))
        } else {
            route
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(prefix: &str) -> Keys {
        Keys::new(prefix.to_owned(), true)
    }

    fn long(last: char) -> StoreKey {
        StoreKey::new(format!("{}{last}", "k".repeat(300))).unwrap()
    }

    #[test]
    fn a_key_that_fits_is_written_as_it_is() {
        let key = StoreKey::new("k".repeat(246)).unwrap();
        assert_eq!(
            keys("app:").wire(&key).unwrap().as_bytes(),
            format!("app:{}", "k".repeat(246)).as_bytes()
        );
    }

    #[test]
    fn a_key_over_250_bytes_with_its_prefix_is_hashed_and_keeps_a_readable_head() {
        for prefix in ["", "app:", &"p".repeat(crate::config::MAX_KEY_PREFIX)] {
            let wire = keys(prefix).wire(&long('a')).unwrap();
            assert_eq!(wire.as_bytes().len(), MAX_KEY_LEN);
            assert!(
                wire.as_bytes()
                    .starts_with(format!("{prefix}kkkk").as_bytes())
            );
            assert_ne!(wire, keys(prefix).wire(&long('b')).unwrap());
        }
    }

    #[test]
    fn the_prefix_takes_part_in_placing_where_it_is_told_to() {
        let key = StoreKey::of_release("app:f", "1b00", "k42").unwrap();
        assert_eq!(keys("p:").route(&key), "p:app:f:k42");
        assert_eq!(Keys::new("p:".to_owned(), false).route(&key), "app:f:k42");
    }

    #[test]
    fn a_hashed_key_is_placed_by_its_whole_text() {
        assert_eq!(keys("").route(&long('a')), long('a').as_str());
    }
}
