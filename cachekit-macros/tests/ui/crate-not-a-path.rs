use cachekit_macros::cached;

#[cached(crate = 5)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
