use cachekit_macros::cached;

#[cached(version = -1)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
