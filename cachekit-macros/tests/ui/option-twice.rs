use cachekit_macros::cached;

#[cached(ttl = 60, ttl = 70)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
