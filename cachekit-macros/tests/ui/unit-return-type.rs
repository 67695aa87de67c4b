use cachekit_macros::cached;

#[cached]
fn profile(id: u64) -> () {
    drop(id)
}

fn main() {}
