use cachekit_macros::cached;

#[cached(ttl = "99999999999999999999d")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
