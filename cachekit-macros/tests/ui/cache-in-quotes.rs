use cachekit_macros::cached;

#[cached(cache = "CACHE")]
fn profile(id: u64) -> u64 {
    id
}

#[cached(cache = "self.cache()")]
fn user(id: u64) -> u64 {
    id
}

fn main() {}
