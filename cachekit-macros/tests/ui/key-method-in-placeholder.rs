use cachekit_macros::cached;

#[cached(key = "user:{id.to_string()}")]
fn profile(id: u64) -> u64 {
    id
}

fn main() {}
