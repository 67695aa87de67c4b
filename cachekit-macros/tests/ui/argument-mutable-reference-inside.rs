use cachekit_macros::cached;

#[cached]
fn fill(buffer: Option<&mut Vec<u8>>) -> usize {
    buffer.map_or(0, |buffer| buffer.len())
}

fn main() {}
