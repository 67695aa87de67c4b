use cachekit_macros::cached;

#[cached(key = |id| id)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
