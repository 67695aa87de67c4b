//! The benches whose samples are processes run: every contender of every case, for a moment.
#![cfg(target_os = "linux")]

mod file;
mod memcached;
#[path = "../pulse/mod.rs"]
mod pulse;
mod quick;
