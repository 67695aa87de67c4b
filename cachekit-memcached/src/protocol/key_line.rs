//! Many keys in one command.

use std::fmt;

use super::key::{InvalidKey, Key};

/// Keys are added as long as fewer bytes than this are there. Servers take far longer lines, but
/// handle nothing else of their connection meanwhile.
const FULL: usize = 64 * 1024;

/// A line has room for keys of this length from the beginning, the space in front included; for more
/// it grows.
const USUAL: usize = 32;

/// Keys as they are written: a space before each. All in one piece of memory, because a bulk read
/// names many and looks at each only once.
///
/// `Debug` shows how many there are only: keys may carry what must not be in a log.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct KeyLine {
    text: Vec<u8>,
    /// Where each key ends.
    ends: Vec<usize>,
}

impl KeyLine {
    /// An empty one, with room for about so many keys.
    #[must_use]
    pub fn with_capacity(keys: usize) -> Self {
        let keys = keys.min(FULL / USUAL);
        Self {
            text: Vec::with_capacity(keys * USUAL),
            ends: Vec::with_capacity(keys),
        }
    }

    /// Adds a key behind the others; the same one may be there twice.
    pub fn push(&mut self, key: &Key<'_>) {
        self.text.push(b' ');
        self.text.extend_from_slice(key.as_bytes());
        self.ends.push(self.text.len());
    }

    /// [`push`](Self::push) for bytes that are not known to be a key.
    ///
    /// # Errors
    /// [`InvalidKey`] says which rule is broken; nothing is added.
    pub fn push_bytes(&mut self, key: &[u8]) -> Result<(), InvalidKey> {
        self.push_parts(&[], key)
    }

    /// [`push_bytes`](Self::push_bytes) for a key of two parts.
    ///
    /// # Errors
    /// [`InvalidKey`] says which rule is broken; nothing is added.
    pub fn push_parts(&mut self, prefix: &[u8], key: &[u8]) -> Result<(), InvalidKey> {
        let before = self.text.len();
        self.text.push(b' ');
        self.text.extend_from_slice(prefix);
        self.text.extend_from_slice(key);
        let checked = Key::check(&self.text[before + 1..]);
        match checked {
            Ok(()) => self.ends.push(self.text.len()),
            Err(_) => self.text.truncate(before),
        }
        checked
    }

    /// Whether a further key belongs into another command.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.text.len() >= FULL
    }

    /// How many keys there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none: then there is nothing to ask.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The key at `place`.
    #[must_use]
    pub fn get(&self, place: usize) -> Option<&[u8]> {
        let end = *self.ends.get(place)?;
        let begin = place.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(&self.text[begin + 1..end])
    }

    /// All keys.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).filter_map(|place| self.get(place))
    }

    /// As it is written.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

impl fmt::Debug for KeyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeyLine({} keys)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(keys: &[&str]) -> KeyLine {
        let mut line = KeyLine::default();
        for key in keys {
            line.push_bytes(key.as_bytes()).unwrap();
        }
        line
    }

    #[test]
    fn keys_are_found_by_their_place() {
        let line = line(&["a", "bc", "a"]);
        assert_eq!(line.as_bytes(), b" a bc a");
        assert_eq!(
            line.iter().collect::<Vec<_>>(),
            [b"a".as_slice(), b"bc", b"a"]
        );
        assert_eq!(line.get(3), None);
    }

    #[test]
    fn a_key_that_is_none_is_refused_and_not_added() {
        let mut line = line(&["a"]);
        let invalid = line.push_bytes(b"b\r\nflush_all");
        assert_eq!(invalid, Err(InvalidKey::Byte(1)));
        let invalid = line.push_parts(&[b'p'; 200], &[b'k'; 51]);
        assert_eq!(invalid, Err(InvalidKey::TooLong(251)));
        assert_eq!((line.as_bytes(), line.len()), (b" a".as_slice(), 1));
    }

    #[test]
    fn a_line_is_full_from_64_kib_on() {
        let mut line = KeyLine::default();
        while !line.is_full() {
            line.push_bytes(&[b'k'; 250]).unwrap();
        }
        assert_eq!(line.len(), 262);
    }

    #[test]
    fn debug_does_not_show_the_keys() {
        assert_eq!(format!("{:?}", line(&["secret"])), "KeyLine(1 keys)");
    }
}
