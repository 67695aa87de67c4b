use cachekit_macros::cached;

#[cached(ttl = "10 m")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
