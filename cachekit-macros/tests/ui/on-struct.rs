use cachekit_macros::cached;

#[cached]
struct Profile;

fn main() {}
