use cachekit_macros::cached;

#[cached]
type Users = Vec<u64>;

fn main() {}
