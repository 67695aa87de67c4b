use cachekit_macros::cached;

#[cached(grace)]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
