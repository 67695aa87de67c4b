use cachekit_macros::cached;

#[cached(tags = ["a", "b", "c", "d", "e", "f", "g", "h", "i"])]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
