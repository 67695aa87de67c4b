use cachekit_macros::cached;

#[cached(key = "{tenant}{id}")]
fn profile(tenant: u64, id: u64) -> u64 {
    tenant + id
}

fn main() {}
