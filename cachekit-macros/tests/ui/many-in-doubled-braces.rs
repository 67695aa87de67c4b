use std::collections::HashMap;

use cachekit_macros::cached;

#[cached(many = ids, key = "{tenant}:{{ids}}")]
fn profiles(tenant: String, ids: Vec<u64>) -> HashMap<u64, String> {
    HashMap::new()
}

fn main() {}
