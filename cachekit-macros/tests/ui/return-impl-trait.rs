use cachekit_macros::cached;

#[cached]
fn range(end: u64) -> impl Iterator<Item = u64> {
    0..end
}

fn main() {}
