use cachekit_macros::cached;

#[cached(ttl = seconds(b))]
fn sum((a, b): (u64, u64)) -> u64 {
    a + b
}

fn main() {}
