use cachekit_macros::removes;

#[removes(profile(result.id))]
fn store(result: User) -> User {
    result
}

fn main() {}
