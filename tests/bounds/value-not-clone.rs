use cachekit::cached;

#[derive(serde::Serialize, serde::Deserialize)]
pub struct Profile;

#[cached]
fn load(id: u64) -> Profile {
    drop(id);
    Profile
}

fn main() {}
