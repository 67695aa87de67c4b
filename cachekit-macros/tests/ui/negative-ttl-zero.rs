use cachekit_macros::cached;

#[cached(negative_ttl = 0)]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
