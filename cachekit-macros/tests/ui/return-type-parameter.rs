use cachekit_macros::cached;

#[cached]
fn load<T: Default>(id: u64) -> T {
    drop(id);
    T::default()
}

fn main() {}
