//! What holds for the readers of replies, whatever a server sends.

#![deny(unsafe_code)]

mod allocation;
mod replies;

pub use allocation::{Watched, bounded};
pub use replies::{classic, meta};
