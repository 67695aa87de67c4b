//! What holds for the readers of replies and of entries, whatever a server sends and a store gives back.

#![deny(unsafe_code)]

mod allocation;
mod entries;
mod replies;

pub use allocation::{Watched, bounded};
pub use entries::entry;
pub use replies::{classic, meta};
