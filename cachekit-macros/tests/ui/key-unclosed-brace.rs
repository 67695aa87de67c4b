use cachekit_macros::cached;

#[cached(key = "user:{id")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
