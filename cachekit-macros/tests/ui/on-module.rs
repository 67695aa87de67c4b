use cachekit_macros::cached;

#[cached]
mod users {}

fn main() {}
