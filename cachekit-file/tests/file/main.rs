//! The file backend on real directories.

mod calls;
mod caps;
mod chance;
mod child;
mod conformance;
mod crash;
mod damage;
mod described;
mod directory;
mod disk;
mod scratch;
mod sharing;
