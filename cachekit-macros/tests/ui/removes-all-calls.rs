use cachekit_macros::removes;

#[removes(profile(..))]
fn rename(id: u64, name: &str) -> Result<(), String> {
    Err(format!("{id} {name}"))
}

fn main() {}
