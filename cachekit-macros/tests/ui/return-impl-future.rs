use cachekit_macros::cached;

#[cached]
fn profile(id: u64) -> impl Future<Output = u64> {
    async move { id }
}

fn main() {}
