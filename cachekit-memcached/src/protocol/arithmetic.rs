//! Counting.

use super::exptime::Exptime;
use super::key::Key;

/// Adds to a number that is stored in decimal digits, or takes away from it: `ma <key> …`. The
/// reply has the new number as its value.
#[derive(Clone, Debug)]
pub struct Arithmetic<'a> {
    /// Where.
    pub key: Key<'a>,
    /// Which way.
    pub direction: Direction,
    /// How much.
    pub by: u64,
    /// What to store where there is no item: else `NF`.
    pub create: Option<Create>,
}

/// Which way a counter goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Up. After the largest `u64` comes 0.
    Up,
    /// Down. Stops at 0.
    Down,
}

/// A counter that begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Create {
    /// The number that is stored, and answered.
    pub initial: u64,
    /// For how long.
    pub exptime: Exptime,
}
