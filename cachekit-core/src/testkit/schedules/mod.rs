//! Schedules from seeds: what happens to several processes that share a store, on one thread and a
//! clock that goes on only when nobody has anything to do.
//!
//! A seed makes one [`Schedule`], and a schedule one history, which the
//! [rules of a history](super::history) judge. One that goes wrong is shown with the shortest schedule
//! that still does, and the seed that makes it again. A store says by its [`Setting`] what may go
//! wrong with it; all else is the same for every store. [`Chance`], [`seeds`] and [`shrunk`] serve
//! schedules of another kind as well.

mod bug;
mod chance;
mod family;
mod judge;
mod origin;
mod process;
mod run;
mod schedule;
mod seeds;
mod shrink;
mod time;
mod told;
mod world;

pub use bug::Bug;
pub use chance::Chance;
pub use family::Family;
pub use judge::{Judged, assert_says_much, found, holds, report};
pub use run::{ROUND, run};
pub use schedule::{Action, How, LASTS, Schedule, Setting, Step, Store};
pub use seeds::{is_replay, seeds};
pub use shrink::shrunk;
pub use time::PausedTime;
pub use told::{Told, Whole};
