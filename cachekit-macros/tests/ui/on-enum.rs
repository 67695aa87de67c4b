use cachekit_macros::cached;

#[cached]
enum Profile {}

fn main() {}
