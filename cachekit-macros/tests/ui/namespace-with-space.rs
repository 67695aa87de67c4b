use cachekit_macros::cached;

#[cached(namespace = "my users")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
