use cachekit_macros::cached;

#[cached(cache_err)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
