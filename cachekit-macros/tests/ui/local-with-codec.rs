use cachekit_macros::cached;

#[cached(local, codec = Json)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
