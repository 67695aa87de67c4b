//! What may stand as a key on the wire.

use std::borrow::Cow;
use std::fmt;

use super::base64;

/// The longest key that memcached takes, in bytes.
pub const MAX_KEY_LEN: usize = 250;
/// The longest key that can be written in base64, in bytes before that: the limit of memcached
/// counts for the text.
pub const MAX_BASE64_KEY_LEN: usize = MAX_KEY_LEN / 4 * 3;

/// A key that can be written: 1 to 250 bytes, none of them a space, a control byte or 0x7f.
///
/// These rules are a security boundary. A server takes a key with a line end in it for two
/// commands, and up to 1.6.39 it runs the *value* of a `set` as commands when the key is too long.
///
/// It owns its bytes, or borrows them for as long as `'a`, which makes no other key of it: not for
/// `Eq` and not for `Hash`.
///
/// `Debug` shows the length only: keys may carry what must not be in a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key<'a> {
    bytes: Cow<'a, [u8]>,
    base64: bool,
}

/// Why bytes cannot be a [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// No bytes at all.
    #[error("a key has at least one byte")]
    Empty,
    /// More than [`MAX_KEY_LEN`], or before base64 than [`MAX_BASE64_KEY_LEN`].
    #[error("a key has at most {MAX_KEY_LEN} bytes ({MAX_BASE64_KEY_LEN} before base64), not {0}")]
    TooLong(usize),
    /// The byte at this place is a space, a control byte or 0x7f.
    #[error("byte {0} of the key is a space or a control byte")]
    Byte(usize),
}

impl<'a> Key<'a> {
    /// # Errors
    /// [`InvalidKey`] says which rule is broken.
    pub fn new(bytes: impl Into<Cow<'a, [u8]>>) -> Result<Self, InvalidKey> {
        let (bytes, base64) = (bytes.into(), false);
        Self::check(&bytes)?;
        Ok(Self { bytes, base64 })
    }

    /// A key of any bytes, written in base64. The server stores it as it is: it is the same key as
    /// one of these bytes that needs no base64.
    ///
    /// # Errors
    /// [`InvalidKey::Empty`], and [`InvalidKey::TooLong`] over [`MAX_BASE64_KEY_LEN`].
    pub fn base64(bytes: &[u8]) -> Result<Self, InvalidKey> {
        if bytes.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if bytes.len() > MAX_BASE64_KEY_LEN {
            return Err(InvalidKey::TooLong(bytes.len()));
        }
        let (bytes, base64) = (base64::encode(bytes).into(), true);
        Ok(Self { bytes, base64 })
    }

    /// The same key, borrowed from this one.
    #[must_use]
    pub fn borrowed(&self) -> Key<'_> {
        Key {
            bytes: Cow::Borrowed(&self.bytes),
            base64: self.base64,
        }
    }

    /// The same key, with bytes of its own.
    #[must_use]
    pub fn to_owned(&self) -> Key<'static> {
        Key {
            bytes: Cow::Owned(self.bytes.to_vec()),
            base64: self.base64,
        }
    }

    /// Whether [`new`](Self::new) takes these bytes.
    ///
    /// # Errors
    /// [`InvalidKey`] says which rule is broken.
    pub fn check(bytes: &[u8]) -> Result<(), InvalidKey> {
        if bytes.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if bytes.len() > MAX_KEY_LEN {
            return Err(InvalidKey::TooLong(bytes.len()));
        }
        let wrong = |&byte: &u8| byte <= b' ' || byte == 0x7f;
        // Without an early end 16 bytes are looked at at once, the last ones together with some of
        // those before them. Few keys are wrong.
        let any = |bytes: &[u8]| bytes.iter().fold(false, |found, byte| found | wrong(byte));
        let (chunks, _) = bytes.as_chunks::<16>();
        let found = match bytes.last_chunk::<16>() {
            Some(last) => chunks
                .iter()
                .fold(any(last), |found, chunk| found | any(chunk)),
            None => any(bytes),
        };
        if !found {
            return Ok(());
        }
        let place = bytes.iter().position(wrong).unwrap_or_default();
        Err(InvalidKey::Byte(place))
    }

    /// The bytes, as they are written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether [`as_bytes`](Self::as_bytes) is base64.
    #[must_use]
    pub const fn is_base64(&self) -> bool {
        self.base64
    }

    /// How many bytes the server stores for it.
    #[must_use]
    pub fn stored_len(&self) -> usize {
        if self.base64 {
            base64::decoded_len(&self.bytes)
        } else {
            self.bytes.len()
        }
    }
}

/// Where the key of a request is in its encoded form: cheaper to keep than the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPlace {
    begin: u8,
    length: u8,
    base64: bool,
}

impl KeyPlace {
    /// That of `key`, behind so many bytes.
    pub(super) fn of(key: &Key<'_>, begin: u8) -> Self {
        Self {
            begin,
            length: u8::try_from(key.bytes.len()).expect("a key has at most 250 bytes"),
            base64: key.base64,
        }
    }

    /// The key as it is written in `encoded`, which begins with the request.
    #[must_use]
    pub fn bytes(self, encoded: &[u8]) -> &[u8] {
        &encoded[usize::from(self.begin)..][..usize::from(self.length)]
    }

    /// The key in `encoded`, which begins with the request.
    #[must_use]
    pub fn key(self, encoded: &[u8]) -> Key<'static> {
        Key {
            bytes: self.bytes(encoded).to_vec().into(),
            base64: self.base64,
        }
    }
}

impl fmt::Debug for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher as _, RandomState};

    use super::*;

    #[test]
    fn a_key_has_1_to_250_bytes() {
        assert_eq!(Key::new(b""), Err(InvalidKey::Empty));
        assert!(Key::new(&[b'k'; 250]).is_ok());
        assert_eq!(Key::new(&[b'k'; 251]), Err(InvalidKey::TooLong(251)));
    }

    #[test]
    fn spaces_control_bytes_and_delete_are_refused_and_all_others_pass() {
        for byte in 0..=255_u8 {
            let allowed = byte > 0x20 && byte != 0x7f;
            assert_eq!(Key::new(&[b'k', byte]).is_ok(), allowed, "byte {byte:#x}");
        }
        for length in 1..=MAX_KEY_LEN {
            for place in 0..length {
                let mut bytes = vec![b'k'; length];
                bytes[place] = b' ';
                assert_eq!(Key::check(&bytes), Err(InvalidKey::Byte(place)));
            }
        }
        assert_eq!(Key::new(b"a\r\nflush_all"), Err(InvalidKey::Byte(1)));
    }

    #[test]
    fn any_bytes_up_to_186_are_a_key_in_base64() {
        assert_eq!(Key::base64(b""), Err(InvalidKey::Empty));
        assert_eq!(Key::base64(&[0; 187]), Err(InvalidKey::TooLong(187)));
        for length in [1, 2, 3, 185, 186] {
            let key = Key::base64(&vec![b' '; length]).unwrap();
            assert!(key.is_base64() && Key::check(key.as_bytes()).is_ok());
            assert_eq!(key.stored_len(), length);
        }
    }

    #[test]
    fn a_key_is_the_same_whoever_owns_its_bytes() {
        let hasher = RandomState::new();
        for key in [Key::new(b"k").unwrap(), Key::base64(b"k").unwrap()] {
            for same in [key.borrowed(), key.to_owned(), key.clone()] {
                assert_eq!(same, key);
                assert_eq!(hasher.hash_one(&same), hasher.hash_one(&key));
            }
        }
        let plain = Key::new(Key::base64(b"k").unwrap().as_bytes().to_vec()).unwrap();
        assert_ne!(plain, Key::base64(b"k").unwrap());
    }

    #[test]
    fn debug_does_not_show_the_key() {
        assert_eq!(
            format!("{:?}", Key::new(b"secret").unwrap()),
            "Key(6 bytes)"
        );
    }
}
