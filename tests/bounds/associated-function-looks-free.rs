use cachekit::cached;

struct Users;

impl Users {
    #[cached]
    fn all(tenant: u64) -> u64 {
        tenant
    }
}

fn main() {}
