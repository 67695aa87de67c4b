use cachekit_macros::cached;

#[cached(grace = 0.5)]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
