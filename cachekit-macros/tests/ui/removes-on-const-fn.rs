use cachekit_macros::removes;

#[removes(profile(id))]
const fn rename(id: u64) -> u64 {
    id
}

fn main() {}
