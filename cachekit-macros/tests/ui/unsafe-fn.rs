use cachekit_macros::cached;

#[cached]
unsafe fn profile(id: u64) -> u64 {
    id
}

fn main() {}
