//! What takes more than the same calls all the time.

pub(super) mod killed;
pub(super) mod memory;
pub(super) mod mixed;
pub(super) mod outage;
pub(super) mod stopped;
