use cachekit_macros::cached;

#[cached(namespace("users"))]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
