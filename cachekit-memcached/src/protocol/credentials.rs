//! Who we are.

use std::fmt;

use bytes::Bytes;

use super::write::{END, number};

/// The longest line of a server's file of names and passwords, which has both and a colon.
const MAX_LEN: usize = 256;

/// A name and a password, as a server started with `-Y` asks for: `set <any> 0 0 <length>` with
/// both as its value.
///
/// `Debug` shows neither.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials(Bytes);

/// Why a name and a password cannot be [`Credentials`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a name without spaces and colons and a password, both without control characters, \
     at least one byte each and together at most 255"
)]
pub struct InvalidCredentials;

impl Credentials {
    /// # Errors
    /// [`InvalidCredentials`] says the rules: those of a server's file.
    pub fn new(username: &str, password: &str) -> Result<Self, InvalidCredentials> {
        let plain = |text: &str| !text.is_empty() && !text.bytes().any(|b| b.is_ascii_control());
        let valid = plain(username)
            && plain(password)
            && !username.contains([' ', ':'])
            && username.len() + password.len() < MAX_LEN;
        if !valid {
            return Err(InvalidCredentials);
        }
        Ok(Self(format!("{username} {password}").into()))
    }

    pub(super) fn encode_head(&self, out: &mut Vec<u8>) {
        number(out, "set auth 0 0 ", self.0.len() as u64);
        out.extend_from_slice(END);
    }

    pub(super) const fn value(&self) -> &Bytes {
        &self.0
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{Dialect, Request};

    #[test]
    fn they_are_written_as_the_value_of_a_set() {
        let credentials = Credentials::new("user", "pass word").unwrap();
        assert_eq!(format!("{credentials:?}"), "Credentials");
        for dialect in [Dialect::Meta, Dialect::Classic] {
            let mut out = Vec::new();
            Request::Authenticate(credentials.clone()).encode(dialect, 1, &mut out);
            assert_eq!(out, b"set auth 0 0 14\r\nuser pass word\r\n");
        }
    }

    #[test]
    fn what_would_be_another_command_or_another_name_is_refused() {
        let long = "p".repeat(252);
        assert!(Credentials::new("user", &long[1..]).is_ok());
        for (username, password) in [
            ("", "p"),
            ("u", ""),
            ("a b", "p"),
            ("a:b", "p"),
            ("u\r\n", "p"),
            ("u", "p\r\nflush_all"),
            ("u", "p\0"),
            ("user", &long),
        ] {
            assert_eq!(
                Credentials::new(username, password),
                Err(InvalidCredentials)
            );
        }
    }
}
