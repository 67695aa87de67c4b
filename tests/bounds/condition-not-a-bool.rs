use cachekit::cached;

#[cached(condition = id)]
fn load(id: u64) -> u64 {
    id
}

fn main() {}
