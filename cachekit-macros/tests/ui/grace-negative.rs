use cachekit_macros::cached;

#[cached(grace = -1)]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
