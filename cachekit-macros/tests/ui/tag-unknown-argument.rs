use cachekit_macros::cached;

#[cached(tags = ["user:{idd}"])]
fn profile(id: u64) -> Option<u64> {
    Some(id)
}

fn main() {}
