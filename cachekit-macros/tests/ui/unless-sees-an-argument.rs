use cachekit_macros::cached;

#[cached(unless = *result == id)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
