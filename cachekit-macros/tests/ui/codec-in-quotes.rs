use cachekit_macros::cached;

#[cached(codec = "Json")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
