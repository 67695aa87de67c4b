use cachekit_macros::cached;

#[cached(local = true)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
