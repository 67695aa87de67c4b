use cachekit::cached;

#[cached(ttl = 60 * id)]
fn load(id: u64) -> u64 {
    id
}

fn main() {}
