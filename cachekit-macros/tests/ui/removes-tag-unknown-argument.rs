use cachekit_macros::removes;

#[removes(tag = "user:{idd}")]
fn rename(id: u64, name: &str) -> Result<(), String> {
    Err(format!("{id} {name}"))
}

fn main() {}
