use cachekit_macros::cached;

#[cached]
static USERS: u64 = 7;

fn main() {}
