//! Stored entries.

#![no_main]

use cachekit_fuzz::{Watched, bounded, entry};

#[global_allocator]
static ALLOCATOR: Watched = Watched;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(input, entry));
