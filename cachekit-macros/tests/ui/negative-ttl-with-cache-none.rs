use cachekit_macros::cached;

#[cached(negative_ttl = 30, cache_none)]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
