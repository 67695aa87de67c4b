use std::collections::HashMap;

use cachekit_macros::cached;

#[cached(many)]
fn profiles(id: u64) -> HashMap<u64, String> {
    HashMap::new()
}

fn main() {}
