use cachekit_macros::cached;

#[cached(frobnicate = 3)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
