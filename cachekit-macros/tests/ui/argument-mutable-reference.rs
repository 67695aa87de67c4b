use cachekit_macros::cached;

#[cached]
fn fill(buffer: &mut Vec<u8>) -> usize {
    buffer.push(0);
    buffer.len()
}

fn main() {}
