use cachekit_macros::cached;

#[cached(ttl = 0)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
