use cachekit_macros::cached;

trait Users {
    #[cached(skip(self))]
    fn all(&self) -> u64;
}

fn main() {}
