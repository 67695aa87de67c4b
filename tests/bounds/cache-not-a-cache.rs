use cachekit::cached;

static CACHE: u64 = 7;

#[cached(cache = CACHE)]
fn load(id: u64) -> u64 {
    id
}

fn main() {}
