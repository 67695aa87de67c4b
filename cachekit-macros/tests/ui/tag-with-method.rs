use cachekit_macros::cached;

#[cached(tags = ["user:{id.count_ones()}"])]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
