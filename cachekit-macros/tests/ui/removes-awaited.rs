use cachekit_macros::removes;

#[removes(profile(id).await)]
fn rename(id: u64, name: &str) -> Result<(), String> {
    Err(format!("{id} {name}"))
}

fn main() {}
