use cachekit_macros::cached;

#[cached(grace = grace_of(id))]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
