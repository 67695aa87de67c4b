//! How long an entry is fresh, and how long it stays after that.

use std::time::Duration;

/// The longest part of a span, 36,000 years: a moment and two of these add up without overflow.
const LONGEST_MS: u64 = 1 << 50;

/// The line of time of an entry, from the moment on at which it is let in.
///
/// In whole milliseconds, rounded down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) fresh: Duration,
    /// The last part of `fresh`, in which one caller refreshes; zero: none does.
    pub(crate) early: Duration,
    /// What follows upon `fresh`; zero: nothing.
    pub(crate) grace: Duration,
}

impl Span {
    /// Fresh for `age`, then gone.
    pub(crate) const fn fresh_only(age: Duration) -> Self {
        Self {
            fresh: age,
            early: Duration::ZERO,
            grace: Duration::ZERO,
        }
    }

    /// What is left of it after `age`.
    pub(crate) fn aged(self, age: Duration) -> Self {
        let spent_grace = age.saturating_sub(self.fresh);
        Self {
            fresh: self.fresh.saturating_sub(age),
            early: self.early,
            grace: self.grace.saturating_sub(spent_grace),
        }
    }

    /// The ends of its parts, if it begins at `now_ms`.
    pub(super) fn from(self, now_ms: u64) -> Moments {
        let fresh_ms = now_ms.saturating_add(millis(self.fresh));
        Moments {
            refresh_ms: fresh_ms.saturating_sub(millis(self.early)),
            fresh_ms,
            until_ms: fresh_ms.saturating_add(millis(self.grace)),
        }
    }
}

/// A span on the clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    /// The end of the time in which nobody need refresh.
    pub(super) refresh_ms: u64,
    /// The end of the fresh part.
    pub(super) fresh_ms: u64,
    /// The end of grace.
    pub(super) until_ms: u64,
}

impl Moments {
    /// How long a claim to refresh the entry lasts: a quarter of the early window, about what the
    /// last computation took. A refresher who does not come back, because it panicked or was
    /// dropped, keeps its turn from others for no longer; one who does is known by its flight.
    pub(super) fn claim_ms(self) -> u64 {
        ((self.fresh_ms - self.refresh_ms) / 4).max(1)
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).map_or(LONGEST_MS, |ms| ms.min(LONGEST_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_takes_from_the_fresh_part_first_and_from_grace_then() {
        let seconds = Duration::from_secs;
        let span = Span {
            fresh: seconds(5),
            early: seconds(1),
            grace: seconds(10),
        };
        let parts = |age| {
            let aged = span.aged(seconds(age));
            (aged.fresh.as_secs(), aged.grace.as_secs())
        };
        assert_eq!(parts(3), (2, 10));
        assert_eq!(parts(7), (0, 8));
        assert_eq!(parts(20), (0, 0));
    }
}
