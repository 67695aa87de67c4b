use cachekit_macros::cached;

#[cached(key = "all:{id}")]
fn all() -> u64 {
    7
}

fn main() {}
