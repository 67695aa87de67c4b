use cachekit::cached;

#[cached(unless = *result)]
fn load(id: u64) -> u64 {
    id
}

fn main() {}
