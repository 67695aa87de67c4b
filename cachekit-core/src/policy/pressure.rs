//! Functions whose results something newer overtakes most of the time.

use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

/// Nobody is told more often, in milliseconds.
const PAUSE_MS: u64 = 60_000;

/// What became of the last sixteen results of a function: a bit for each that was superseded.
#[derive(Debug, Default)]
pub(crate) struct Pressure {
    last: AtomicU16,
    /// When somebody may be told again, on the monotonic clock.
    quiet_until_ms: AtomicU64,
}

impl Pressure {
    pub(crate) const fn new() -> Self {
        Self {
            last: AtomicU16::new(0),
            quiet_until_ms: AtomicU64::new(0),
        }
    }

    /// Notes what became of a result. True if it was superseded as most of the last ones were.
    pub(crate) fn notes(&self, superseded: bool) -> bool {
        let shifted = |last: u16| Some(last << 1 | u16::from(superseded));
        let last = self
            .last
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, shifted);
        let last = last.ok().and_then(shifted).unwrap_or_default();
        superseded && last.count_ones() > u16::BITS / 2
    }

    /// Whether somebody is to be told of it now.
    pub(crate) fn is_news(&self, now_ms: u64) -> bool {
        let until_ms = self.quiet_until_ms.load(Ordering::Relaxed);
        let news = until_ms <= now_ms;
        if news {
            self.quiet_until_ms
                .store(now_ms + PAUSE_MS, Ordering::Relaxed);
        }
        news
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_of_the_last_sixteen_are_most() {
        let pressure = Pressure::new();
        assert!((0..8).all(|_| !pressure.notes(true)));
        assert!(!pressure.notes(false));
        assert!(pressure.notes(true));
        assert!((0..16).all(|_| !pressure.notes(false)));
        assert!(!pressure.notes(true));
    }

    #[test]
    fn it_is_news_once_a_minute() {
        let pressure = Pressure::new();
        assert!(pressure.is_news(5));
        assert!(!pressure.is_news(PAUSE_MS));
        assert!(pressure.is_news(PAUSE_MS + 5));
    }
}
