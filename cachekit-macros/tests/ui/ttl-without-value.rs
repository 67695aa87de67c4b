use cachekit_macros::cached;

#[cached(ttl)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
