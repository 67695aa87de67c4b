use std::collections::HashMap;

use cachekit_macros::cached;

#[cached(many, key = "tenant:{tenant}")]
fn profiles(tenant: u64, ids: Vec<u64>) -> HashMap<u64, String> {
    HashMap::new()
}

fn main() {}
