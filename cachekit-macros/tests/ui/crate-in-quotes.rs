use cachekit_macros::cached;

#[cached(crate = "::cachekit")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
