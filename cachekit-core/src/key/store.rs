//! The key as a store sees it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};

/// The key of one entry in a store: printable ASCII without spaces, of any length.
///
/// `{prefix}{namespace}:{function}:{release}:{arguments}`. The release (format, codec and schema
/// of the value) keeps entries of different types apart; [`route`](Self::route) leaves it out, so
/// that the entries of all releases lie on one node and one invalidation finds them.
///
/// `Debug` shows a digest: keys may carry what must not be in a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct StoreKey {
    text: Arc<str>,
    /// Where in `text` the release and its colon are; empty for a key without one.
    release: Range<usize>,
}

impl StoreKey {
    /// A key without a release part.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if `text` is empty or has a byte outside `!`..=`~`.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self> {
        Self::checked(text.into(), 0..0)
    }

    /// `{head}:{release}:{tail}`, routed by `{head}:{tail}`.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if a part has a byte outside `!`..=`~`.
    pub fn of_release(head: &str, release: &str, tail: &str) -> Result<Self> {
        let from = head.len() + 1;
        let text = format!("{head}:{release}:{tail}");
        Self::checked(text.into(), from..from + release.len() + 1)
    }

    fn checked(text: Arc<str>, release: Range<usize>) -> Result<Self> {
        // All bytes are looked at, whatever is found: so the compiler takes many at once.
        let graphic = |valid, byte: u8| valid & byte.is_ascii_graphic();
        let valid = !text.is_empty() && text.bytes().fold(true, graphic);
        if valid {
            Ok(Self { text, release })
        } else {
            Err(Error::with_detail(
                ErrorKind::InvalidKey,
                "key",
                "expected at least one byte, and only printable ASCII without spaces",
            ))
        }
    }

    /// The whole text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The text that decides on which node the entry lies: all of it but the release.
    #[must_use]
    pub fn route(&self) -> Cow<'_, str> {
        if self.release.is_empty() {
            return Cow::Borrowed(&self.text);
        }
        let mut route = self.text[..self.release.start].to_owned();
        route.push_str(&self.text[self.release.end..]);
        Cow::Owned(route)
    }

    /// The same key in another release.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidKey`] if this key has no release part or `release` is not printable.
    pub fn with_release(&self, release: &str) -> Result<Self> {
        if self.release.is_empty() {
            return Err(Error::with_detail(
                ErrorKind::InvalidKey,
                "key",
                "it has no release",
            ));
        }
        let head = &self.text[..self.release.start - 1];
        Self::of_release(head, release, &self.text[self.release.end..])
    }

    /// A digest of the text for logs and messages: the same key gives the same digest.
    #[must_use]
    pub fn digest(&self) -> String {
        blake3::hash(self.text.as_bytes()).to_hex()[..16].to_owned()
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoreKey({})", self.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_route_of_two_releases_is_the_same() {
        let a = StoreKey::of_release("app:profile", "1b00", "k42").unwrap();
        let b = a.with_release("1b77").unwrap();
        assert_eq!(b.as_str(), "app:profile:1b77:k42");
        assert_eq!(a.route(), "app:profile:k42");
        assert_eq!(a.route(), b.route());
    }

    #[test]
    fn a_key_without_release_is_routed_by_all_of_it() {
        assert_eq!(StoreKey::new("plain").unwrap().route(), "plain");
    }

    #[test]
    fn spaces_and_control_bytes_are_refused() {
        for text in ["", "a b", "a\r\nflush_all", "ä"] {
            assert_eq!(
                StoreKey::new(text).unwrap_err().kind(),
                ErrorKind::InvalidKey
            );
        }
    }

    #[test]
    fn debug_does_not_show_the_key() {
        let key = StoreKey::new("session:secret").unwrap();
        assert!(!format!("{key:?}").contains("secret"));
    }
}
