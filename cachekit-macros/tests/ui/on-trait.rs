use cachekit_macros::cached;

#[cached]
trait Users {
    fn all() -> u64;
}

fn main() {}
