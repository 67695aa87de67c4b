use cachekit_macros::cached;

#[cached(timeout = 5u64)]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
