use cachekit::cached;

#[cached(cache = "catalog")]
fn load(id: u64) -> u64 {
    id
}

fn main() {}
