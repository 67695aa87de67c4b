use cachekit_macros::cached;

#[cached(companions = "profile_cache")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
