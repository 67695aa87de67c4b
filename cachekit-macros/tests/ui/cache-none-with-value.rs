use cachekit_macros::cached;

#[cached(cache_none = false)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
