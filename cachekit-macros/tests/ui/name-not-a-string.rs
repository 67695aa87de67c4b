use cachekit_macros::cached;

#[cached(name = profile)]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
