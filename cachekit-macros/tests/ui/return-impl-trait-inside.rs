use cachekit_macros::cached;

#[cached]
fn range(end: u64) -> Option<impl Iterator<Item = u64>> {
    Some(0..end)
}

fn main() {}
