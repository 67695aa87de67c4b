use cachekit_macros::cached;

struct Users {
    id: u64,
}

impl Users {
    #[cached(ttl = 60)]
    fn friends(&self) -> u64 {
        self.id
    }
}

fn main() {}
