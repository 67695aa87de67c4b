//! Who a client says it is.

use std::fmt;

use cachekit_core::error::Result;

use super::invalid;

/// The longest user name and the longest password, in bytes.
const MAX: usize = 256;

/// A user and a password of a server that was started with `-Y`. Neither `Debug` nor an error
/// shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    password: String,
}

impl Credentials {
    /// A user and a password.
    ///
    /// # Errors
    /// [`InvalidInput`](cachekit_core::error::ErrorKind::InvalidInput) where one of them is not 1 to
    /// 256 bytes without white space and control characters, or the user has a `:`. memcached
    /// takes no others.
    pub fn new(username: impl Into<String>, password: impl Into<String>) -> Result<Self> {
        let (username, password) = (username.into(), password.into());
        if !is_username(&username) {
            return Err(invalid("a user name that memcached does not take"));
        }
        if !is_password(&password) {
            return Err(invalid("a password that memcached does not take"));
        }
        Ok(Self { username, password })
    }

    /// The user.
    #[must_use]
    pub fn username(&self) -> &str {
        &self.username
    }

    /// What is sent to be let in.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("username", &self.username)
            .field("password", &"(hidden)")
            .finish()
    }
}

pub(super) fn is_username(text: &str) -> bool {
    is_password(text) && !text.contains(':')
}

pub(super) fn is_password(text: &str) -> bool {
    let in_words = |c: char| !c.is_whitespace() && !c.is_control();
    (1..=MAX).contains(&text.len()) && text.chars().all(in_words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_not_shown() {
        let credentials = Credentials::new("app", "hunter2").unwrap();
        assert!(!format!("{credentials:#?}").contains("hunter2"));
        let error = Credentials::new("app", "hunter2\n").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("hunter2"));
    }

    #[test]
    fn what_would_end_the_line_or_the_name_is_refused() {
        for username in ["", "a b", "a:b", "a\r\nflush_all", &"a".repeat(257)] {
            assert!(Credentials::new(username, "secret").is_err(), "{username}");
        }
        for password in ["", "a b", "a\nb", "a\0b", &"a".repeat(257)] {
            assert!(Credentials::new("app", password).is_err(), "{password}");
        }
        assert!(Credentials::new("app", "a:b").is_ok());
    }
}
