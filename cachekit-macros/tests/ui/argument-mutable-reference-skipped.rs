use cachekit_macros::cached;

#[cached(skip(buffer))]
fn fill(id: u64, buffer: &mut Vec<u8>) -> u64 {
    buffer.push(0);
    id
}

fn main() {}
