use cachekit_macros::cached;

#[cached(unless = "result == 0")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
