use cachekit_macros::cached;

#[cached(skip(idd))]
fn profile(ids: u64) -> u64 {
    ids
}

fn main() {}
