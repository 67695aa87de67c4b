use cachekit_macros::removes;

struct Users;

#[removes(profile(1))]
impl Users {}

fn main() {}
