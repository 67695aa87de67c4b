use cachekit_macros::cached;

#[cached(ttl = 60; local)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
