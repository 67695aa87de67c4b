//! The contract of [`Backend`](crate::backend::Backend), line by line, against any backend.
//!
//! Each line of the contract is one async function whose name says it; [`Suite::run`] runs them
//! all, each under keys of its own that no other run uses, and the [`Report`] says which hold.
//! Running against a shared store is safe: nothing is flushed, listed or counted, and what is left
//! behind goes within minutes.
//!
//! One line is not here, because it needs a fault that only the author of a backend can cause: a
//! node that is away fails its own keys and no other.

mod leading;
mod leases;
mod many;
mod reading;
mod report;
mod scene;
mod suite;
mod unfenced;
mod writing;

pub use report::{Failure, Report};
pub use suite::Suite;

use scene::Scene;

/// One line of the contract: its name, and what finds out whether it holds.
#[derive(Clone, Copy)]
struct Line {
    name: &'static str,
    check: fn(Scene) -> Check,
}

type Check = std::pin::Pin<Box<dyn Future<Output = Result<(), Failure>> + Send>>;

/// The list of a file's lines.
macro_rules! lines {
    ($($name:ident,)+) => {
        pub(super) const LINES: &[super::Line] = &[$(
            super::Line { name: stringify!($name), check: |scene| Box::pin($name(scene)) },
        )+];
    };
}

/// Ends a line with what was seen instead, unless `$holds`.
macro_rules! ensure {
    ($holds:expr, $($seen:tt)+) => {
        if !$holds {
            return Err(super::Failure::new(format!($($seen)+)));
        }
    };
}

use {ensure, lines};
