//! What a second look finds.

use std::time::Duration;

/// What there is under a key, whatever its place on the line of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Look<T> {
    /// Fresh, and nobody need refresh it.
    Fresh { value: T, left: Duration },
    /// Fresh, and one caller is to refresh it: the one whose claim succeeds.
    Early { value: T, left: Duration },
    /// No longer fresh. `throttled`: nobody is to compute it now.
    Grace { value: T, throttled: bool },
    /// No value, but a note about the key.
    Marked(Mark),
    /// Nothing, nothing that is valid, or a value of another type.
    Nothing,
}

/// A note about a key, in the place of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// The origin has nothing under this key.
    Absent,
    /// Results of this key are not stored: callers need not wait for each other.
    Pass,
    /// The origin has failed: nobody is to compute while somebody else has a value in grace.
    Failed,
}
