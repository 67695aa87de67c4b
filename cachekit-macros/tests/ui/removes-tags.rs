use cachekit_macros::removes;

#[removes(tags = ["user:{id}"])]
fn rename(id: u64, name: &str) -> Result<(), String> {
    Err(format!("{id} {name}"))
}

fn main() {}
