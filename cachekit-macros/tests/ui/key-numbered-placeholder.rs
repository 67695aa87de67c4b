use cachekit_macros::cached;

#[cached(key = "user:{0}")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
