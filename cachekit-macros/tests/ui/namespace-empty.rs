use cachekit_macros::cached;

#[cached(namespace = "")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
