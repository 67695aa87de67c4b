use cachekit_macros::cached;

#[cached(namespace = "app:users")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
