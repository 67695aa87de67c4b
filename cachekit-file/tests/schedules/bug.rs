//! Mistakes that are made on purpose, to be found.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A computation writes its result whatever happened since it began.
    BlindFill,
    /// A reader that another leads before computes beside it.
    NobodyWaits,
    /// Nobody takes the place of a leader that died.
    NobodyFollows,
}
