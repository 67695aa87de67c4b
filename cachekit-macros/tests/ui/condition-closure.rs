use cachekit_macros::cached;

#[cached(condition = |id| id > 0)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
