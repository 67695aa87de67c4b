use cachekit_macros::cached;

struct Users {
    id: u64,
}

impl Users {
    #[cached(skip(self))]
    fn next(&mut self) -> u64 {
        self.id += 1;
        self.id
    }
}

fn main() {}
