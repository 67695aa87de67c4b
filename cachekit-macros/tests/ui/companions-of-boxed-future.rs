use cachekit_macros::cached;

use std::pin::Pin;

struct Users;

impl Users {
    #[cached(skip(self), companions = users)]
    fn all<'a>(&'a self) -> Pin<Box<dyn Future<Output = u64> + Send + 'a>> {
        Box::pin(async move { 7 })
    }
}

fn main() {}
