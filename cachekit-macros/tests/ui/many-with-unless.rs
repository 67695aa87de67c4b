use std::collections::HashMap;

use cachekit_macros::cached;

#[cached(many, unless = result.is_empty())]
fn profiles(ids: Vec<u64>) -> HashMap<u64, String> {
    HashMap::new()
}

fn main() {}
