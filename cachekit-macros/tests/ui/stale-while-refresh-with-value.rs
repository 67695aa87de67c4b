use cachekit_macros::cached;

#[cached(stale_while_refresh = true)]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
