use cachekit_macros::cached;

use std::pin::Pin;

#[cached]
fn profile(id: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    let doubled = 2 * id;
    Box::pin(async move { doubled })
}

fn main() {}
