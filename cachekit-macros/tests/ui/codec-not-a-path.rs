use cachekit_macros::cached;

#[cached(codec = 5)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
