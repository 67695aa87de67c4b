use cachekit_macros::cached;

#[cached(ttl = "Duration::from_secs(60)")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
