use cachekit_macros::cached;

#[cached(stale_if_error = 60)]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
