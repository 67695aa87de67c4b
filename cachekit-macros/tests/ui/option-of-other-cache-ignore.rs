use cachekit_macros::cached;

#[cached(ignore(id))]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
