//! Replies to meta commands.

#![no_main]

use cachekit_fuzz::{Watched, bounded, meta};

#[global_allocator]
static ALLOCATOR: Watched = Watched;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(input, meta));
