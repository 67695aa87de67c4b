use cachekit_macros::cached;

#[cached(ttl = "m")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
