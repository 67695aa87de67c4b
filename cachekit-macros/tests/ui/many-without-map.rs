use std::collections::HashMap;

use cachekit_macros::cached;

#[cached(many)]
fn profiles(ids: Vec<u64>) -> Vec<String> {
    Vec::new()
}

fn main() {}
