use cachekit_macros::cached;

#[cached("10m")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
