use cachekit::cached;

#[cached(companions = false)]
async fn load(id: &u64) -> u64 {
    format!("{id}")
}

fn main() {}
