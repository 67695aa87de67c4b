use cachekit_macros::cached;

struct Users;

#[cached]
impl Users {
    fn all() -> u64 {
        7
    }
}

fn main() {}
