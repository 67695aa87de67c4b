use cachekit_macros::removes;

trait Users {
    #[removes(profile(id))]
    fn rename(&self, id: u64);
}

fn main() {}
