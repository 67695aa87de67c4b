use cachekit_macros::cached;

struct Users {
    id: u64,
}

impl Users {
    #[cached(key = "{{self}}:{of}")]
    fn friends(&self, of: u64) -> u64 {
        self.id + of
    }
}

fn main() {}
