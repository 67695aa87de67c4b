use cachekit_macros::cached;

#[cached(ttl = "10")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
