use cachekit_macros::cached;

#[cached(key = "user:{id.a-b}")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
