use cachekit::cached;

#[derive(Clone)]
pub struct Profile;

#[cached]
fn load(id: u64) -> Result<Profile, String> {
    drop(id);
    Ok(Profile)
}

fn main() {}
