//! The version that a server tells.

use std::fmt;

/// `major.minor.patch`; what follows is ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
    /// The third.
    pub patch: u32,
}

impl Version {
    /// The first release whose meta commands have the form that is used here.
    pub const META: Self = Self {
        major: 1,
        minor: 6,
        patch: 10,
    };

    /// The first release that deletes by CAS number as it should (memcached issue 844).
    pub const FENCING: Self = Self {
        major: 1,
        minor: 6,
        patch: 13,
    };

    /// The first release that reads and touches in one classic command.
    pub const GAT: Self = Self {
        major: 1,
        minor: 5,
        patch: 3,
    };

    /// Reads `1.6.18`, `1.6.18_3-debian` and the like.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().splitn(3, '.');
        let major = parts.next()?.parse().ok()?;
        let minor = parts.next()?.parse().ok()?;
        let rest = parts.next()?;
        let digits = rest
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(rest.len());
        Some(Self {
            major,
            minor,
            patch: rest[..digits].parse().ok()?,
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_three_numbers_is_ignored() {
        let expected = Some(Version {
            major: 1,
            minor: 6,
            patch: 18,
        });
        assert_eq!(Version::parse("1.6.18"), expected);
        assert_eq!(Version::parse("1.6.18_3-debian"), expected);
    }

    #[test]
    fn a_text_that_is_no_version_is_none() {
        for text in ["", "1", "1.6", "1.6.", "mcrouter 1.0", "1.6.99999999999"] {
            assert_eq!(Version::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_meta_commands_are_usable_from_1_6_10() {
        assert!(Version::parse("1.6.9").unwrap() < Version::META);
        assert!(Version::parse("1.6.10").unwrap() >= Version::META);
    }
}
