use cachekit_macros::cached;

#[cached]
const USERS: u64 = 7;

fn main() {}
