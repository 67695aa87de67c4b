use cachekit_macros::cached;

#[cached(key = "")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
