//! The file backend on real directories.

mod calls;
mod caps;
mod child;
mod clear;
mod collector;
mod conformance;
mod damage;
mod directory;
mod disk;
mod leads;
mod million;
mod reading;
mod recycling;
mod scratch;
mod sharing;
mod verify;
