use cachekit_macros::cached;

#[cached(key = "all")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
