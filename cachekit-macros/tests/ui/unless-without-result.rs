use cachekit_macros::cached;

#[cached(unless = id == 0)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
