use cachekit_macros::cached;

use std::pin::Pin;

type BoxFuture<T> = Pin<Box<dyn Future<Output = T>>>;

#[cached]
fn profile(id: u64) -> BoxFuture<u64> {
    Box::pin(async move { id })
}

fn main() {}
