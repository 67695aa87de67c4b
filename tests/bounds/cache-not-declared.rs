use cachekit::cached;

cachekit::caches! { catalog, sessions }

#[cached(cache = "catalgo")]
fn load(id: u64) -> u64 {
    id
}

fn main() {}
