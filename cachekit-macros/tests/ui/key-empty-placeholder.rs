use cachekit_macros::cached;

#[cached(key = "user:{}")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
