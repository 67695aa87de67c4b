use cachekit_macros::cached;

#[cached(companions = 5)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
