use cachekit_macros::cached;

#[cached(grace = "10")]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
