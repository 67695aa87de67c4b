use cachekit_macros::cached;

#[cached(key = "all")]
fn sum((left, right): (u64, u64)) -> u64 {
    left + right
}

fn main() {}
