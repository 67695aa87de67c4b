use cachekit_macros::cached;

#[cached(ttl = 1.5)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
