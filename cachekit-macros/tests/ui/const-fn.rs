use cachekit_macros::cached;

#[cached]
const fn profile(id: u64) -> u64 {
    id
}

fn main() {}
