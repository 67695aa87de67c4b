use cachekit_macros::cached;

#[cached]
fn u64(id: u32) -> String {
    id.to_string()
}

fn main() {}
