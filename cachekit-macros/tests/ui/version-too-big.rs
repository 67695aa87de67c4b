use cachekit_macros::cached;

#[cached(version = 4294967296)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
