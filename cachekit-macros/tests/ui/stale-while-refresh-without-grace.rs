use cachekit_macros::cached;

#[cached(grace = "0s", stale_while_refresh)]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
