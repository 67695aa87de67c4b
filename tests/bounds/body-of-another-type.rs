use cachekit::cached;

#[cached]
async fn load(id: u64) -> u64 {
    format!("{id}")
}

fn main() {}
