use cachekit_macros::cached;

#[cached(companions)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
