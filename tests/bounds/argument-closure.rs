use cachekit::cached;

#[cached]
fn mapped(id: u64, map: impl Fn(u64) -> u64) -> u64 {
    map(id)
}

fn main() {}
