use cachekit_macros::cached;

#[cached(ttl = "0s")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
