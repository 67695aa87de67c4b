use cachekit_macros::cached;

#[cached(key = "{a}")]
fn sum((a, b): (u64, u64)) -> u64 {
    a + b
}

fn main() {}
