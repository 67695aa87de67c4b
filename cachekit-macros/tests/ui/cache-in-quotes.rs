use cachekit_macros::cached;

#[cached(cache = "CACHE")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
