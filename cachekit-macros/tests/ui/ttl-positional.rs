use cachekit_macros::cached;

#[cached(60)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
