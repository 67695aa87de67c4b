use cachekit_macros::cached;

struct Users {
    id: u64,
}

impl Users {
    #[cached(skip(self))]
    fn next(self: std::pin::Pin<&mut Self>) -> u64 {
        self.id
    }
}

fn main() {}
