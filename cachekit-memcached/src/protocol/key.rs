//! What may stand as a key on the wire.

use std::fmt;
use std::sync::Arc;

/// The longest key that memcached takes, in bytes.
pub const MAX_KEY_LEN: usize = 250;

/// A key that can be written: 1 to 250 bytes, none of them a space, a control byte or 0x7f.
///
/// These rules are a security boundary. A server takes a key with a line end in it for two
/// commands, and up to 1.6.39 it runs the *value* of a `set` as commands when the key is too long.
///
/// `Debug` shows the length only: keys may carry what must not be in a log.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Key(Arc<[u8]>);

/// Why bytes cannot be a [`Key`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// No bytes at all.
    #[error("a key has at least one byte")]
    Empty,
    /// More than [`MAX_KEY_LEN`].
    #[error("a key has at most {MAX_KEY_LEN} bytes, not {0}")]
    TooLong(usize),
    /// The byte at this place is a space, a control byte or 0x7f.
    #[error("byte {0} of the key is a space or a control byte")]
    Byte(usize),
}

impl Key {
    /// # Errors
    /// [`InvalidKey`] says which rule is broken.
    pub fn new(bytes: &[u8]) -> Result<Self, InvalidKey> {
        Self::check(bytes)?;
        Ok(Self(bytes.into()))
    }

    pub(super) fn check(bytes: &[u8]) -> Result<(), InvalidKey> {
        if bytes.is_empty() {
            return Err(InvalidKey::Empty);
        }
        if bytes.len() > MAX_KEY_LEN {
            return Err(InvalidKey::TooLong(bytes.len()));
        }
        match bytes.iter().position(|&byte| byte <= b' ' || byte == 0x7f) {
            Some(place) => Err(InvalidKey::Byte(place)),
            None => Ok(()),
        }
    }

    /// The bytes, as they are written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({} bytes)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
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
        assert_eq!(Key::new(b"a\r\nflush_all"), Err(InvalidKey::Byte(1)));
    }

    #[test]
    fn debug_does_not_show_the_key() {
        assert_eq!(
            format!("{:?}", Key::new(b"secret").unwrap()),
            "Key(6 bytes)"
        );
    }
}
