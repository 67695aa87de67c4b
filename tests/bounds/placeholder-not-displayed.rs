use cachekit::cached;

#[cached(key = "{path}")]
fn load(path: Vec<u8>) -> usize {
    path.len()
}

fn main() {}
