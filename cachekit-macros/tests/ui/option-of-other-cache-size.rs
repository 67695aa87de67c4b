use cachekit_macros::cached;

#[cached(max_size = 100)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
