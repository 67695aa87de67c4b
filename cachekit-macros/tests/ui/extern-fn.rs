use cachekit_macros::cached;

#[cached]
extern "C" fn profile(id: u64) -> u64 {
    id
}

fn main() {}
