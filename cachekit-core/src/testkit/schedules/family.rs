//! What schedules of one kind have in common.

use std::time::Duration;

use super::bug::Bug;
use super::schedule::How;

/// Schedules of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Family<S> {
    /// What it is called in reports.
    pub name: &'static str,
    /// What a computation takes at least.
    pub fastest: Duration,
    /// What it takes at most.
    pub slowest: Duration,
    /// What a request takes at most, and what a reply does.
    pub latest: Duration,
    /// How long what is over stays: one of them.
    pub graces: &'static [Duration],
    /// How values are ended: in one of these ways.
    pub hows: &'static [How],
    /// What is wrong on purpose.
    pub bug: Option<Bug>,
    /// What is special about the store.
    pub setting: S,
}

impl<S> Family<S> {
    /// No entry ends in the store while a schedule lasts.
    pub const LONG: &[Duration] = &[Duration::from_secs(600)];

    /// Entries end while somebody leads over them.
    pub const SHORT: &[Duration] = &[Duration::ZERO, Duration::from_secs(5)];

    /// Fast computations, and calls that arrive at once.
    #[must_use]
    pub const fn calm(setting: S) -> Self {
        Self {
            name: "calm",
            fastest: Duration::from_millis(1),
            slowest: Duration::from_millis(800),
            latest: Duration::from_millis(10),
            graces: Self::LONG,
            hows: How::ALL,
            bug: None,
            setting,
        }
    }

    /// The same with a mistake in it.
    #[must_use]
    pub fn with(self, bug: Bug) -> Self {
        Self {
            bug: Some(bug),
            ..self
        }
    }
}
