use cachekit::cached;

#[cached(codec = String)]
fn load(id: u64) -> u64 {
    id
}

fn main() {}
