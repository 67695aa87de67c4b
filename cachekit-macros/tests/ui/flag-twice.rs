use cachekit_macros::cached;

#[cached(local, local)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
