//! How long an entry is kept.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};

/// A time to live: how long a store keeps an entry.
///
/// Never zero and never negative; such a value cannot be built. Below the resolution of a store it
/// is rounded up by the store. [`Ttl::NEVER`] is the named "does not go by itself"; memcached
/// keeps it, like every longer ttl, for 30 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ttl(Duration);

impl Ttl {
    /// Does not go by itself. On memcached: 30 days.
    pub const NEVER: Self = Self(Duration::MAX);

    /// # Errors
    /// [`ErrorKind::InvalidInput`] for zero.
    pub fn new(duration: Duration) -> Result<Self> {
        if duration.is_zero() {
            return Err(Error::with_detail(
                ErrorKind::InvalidInput,
                "ttl",
                "zero; expected a time above zero, or Ttl::NEVER",
            ));
        }
        Ok(Self(duration))
    }

    /// Whole seconds, for constants.
    ///
    /// # Panics
    /// At zero; in a `const` that is a compile error.
    #[must_use]
    pub const fn from_secs(seconds: u64) -> Self {
        assert!(seconds > 0, "a ttl is above zero");
        Self(Duration::from_secs(seconds))
    }

    /// Milliseconds, for constants.
    ///
    /// # Panics
    /// At zero; in a `const` that is a compile error.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        assert!(millis > 0, "a ttl is above zero");
        Self(Duration::from_millis(millis))
    }

    /// The time; `Duration::MAX` for [`Ttl::NEVER`].
    #[must_use]
    pub const fn duration(self) -> Duration {
        self.0
    }

    /// Whether this is [`Ttl::NEVER`].
    #[must_use]
    pub fn is_never(self) -> bool {
        self == Self::NEVER
    }

    /// Seconds, rounded up.
    #[must_use]
    pub const fn as_secs_rounded_up(self) -> u64 {
        let whole = self.0.as_secs();
        if self.0.subsec_nanos() > 0 {
            whole.saturating_add(1)
        } else {
            whole
        }
    }

    /// Milliseconds, rounded up; `u64::MAX` where they do not fit.
    #[must_use]
    pub fn as_millis_rounded_up(self) -> u64 {
        u64::try_from(self.0.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ttl_of_zero_cannot_be_built() {
        assert_eq!(
            Ttl::new(Duration::ZERO).unwrap_err().kind(),
            ErrorKind::InvalidInput
        );
    }

    #[test]
    fn a_ttl_below_a_second_rounds_up_where_seconds_are_counted() {
        assert_eq!(Ttl::from_millis(1).as_secs_rounded_up(), 1);
        assert_eq!(Ttl::from_millis(1_001).as_secs_rounded_up(), 2);
        assert_eq!(Ttl::from_secs(2).as_secs_rounded_up(), 2);
        assert_eq!(
            Ttl::new(Duration::from_nanos(1))
                .unwrap()
                .as_millis_rounded_up(),
            1
        );
        assert_eq!(Ttl::NEVER.as_secs_rounded_up(), u64::MAX);
    }
}
