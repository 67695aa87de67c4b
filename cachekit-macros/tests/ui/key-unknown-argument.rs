use cachekit_macros::cached;

#[cached(key = "user:{user}")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
