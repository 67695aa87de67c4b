//! Replies to classic commands.

#![no_main]

use cachekit_fuzz::{Watched, bounded, classic};

#[global_allocator]
static ALLOCATOR: Watched = Watched;

libfuzzer_sys::fuzz_target!(|input: &[u8]| bounded(input, classic));
