use cachekit_macros::cached;

#[cached(key = (1, 2))]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
