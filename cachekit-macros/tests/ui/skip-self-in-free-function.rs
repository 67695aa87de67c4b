use cachekit_macros::cached;

#[cached(skip(self))]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
