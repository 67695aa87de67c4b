use cachekit_macros::cached;

#[cached(condition = a > 0)]
fn sum((a, b): (u64, u64)) -> u64 {
    a + b
}

fn main() {}
