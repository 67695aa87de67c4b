use cachekit_macros::cached;

#[cached(ttl = true)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
