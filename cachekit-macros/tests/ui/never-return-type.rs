use cachekit_macros::cached;

#[cached]
fn profile(id: u64) -> ! {
    panic!("{id}")
}

fn main() {}
