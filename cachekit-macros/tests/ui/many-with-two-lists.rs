use std::collections::HashMap;

use cachekit_macros::cached;

#[cached(many)]
fn profiles(ids: Vec<u64>, fields: Vec<String>) -> HashMap<u64, String> {
    HashMap::new()
}

fn main() {}
