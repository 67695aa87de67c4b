use cachekit_macros::cached;

#[cached(ttl = |id| Duration::from_secs(id))]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
