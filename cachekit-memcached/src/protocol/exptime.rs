//! How long an item lives, in the form that the server understands.

use std::time::Duration;

/// Relative seconds, 1 to 2 592 000 (30 days).
///
/// Zero would mean "for ever", and more than 30 days a point in time that has long passed: such an
/// item is stored and gone at once. Neither can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exptime(u32);

impl Exptime {
    /// 30 days.
    pub const MAX: Self = Self(2_592_000);

    /// `duration` rounded up to whole seconds, at least 1, at most [`Exptime::MAX`].
    #[must_use]
    pub fn of(duration: Duration) -> Self {
        let fraction = u64::from(duration.subsec_nanos() > 0);
        let seconds = duration.as_secs().saturating_add(fraction);
        let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
        Self(seconds.clamp(1, Self::MAX.0))
    }

    /// Whether [`Exptime::of`] shortens `duration`.
    #[must_use]
    pub fn shortens(duration: Duration) -> bool {
        duration > Duration::from_secs(u64::from(Self::MAX.0))
    }

    /// The seconds.
    #[must_use]
    pub const fn seconds(self) -> u32 {
        self.0
    }

    /// The same as a duration.
    #[must_use]
    pub const fn duration(self) -> Duration {
        Duration::from_secs(self.0 as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_of_a_second_rounds_up() {
        assert_eq!(Exptime::of(Duration::from_millis(1)).seconds(), 1);
        assert_eq!(Exptime::of(Duration::from_millis(1_001)).seconds(), 2);
        assert_eq!(Exptime::of(Duration::from_secs(2)).seconds(), 2);
    }

    #[test]
    fn zero_never_becomes_for_ever() {
        assert_eq!(Exptime::of(Duration::ZERO).seconds(), 1);
    }

    #[test]
    fn more_than_30_days_becomes_30_days() {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        assert_eq!(Exptime::of(days(30)), Exptime::MAX);
        assert_eq!(Exptime::of(days(31)), Exptime::MAX);
        assert_eq!(Exptime::of(Duration::MAX), Exptime::MAX);
        assert!(!Exptime::shortens(days(30)));
        assert!(Exptime::shortens(days(30) + Duration::from_nanos(1)));
    }
}
