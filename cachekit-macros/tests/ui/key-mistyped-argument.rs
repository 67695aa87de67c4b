use cachekit_macros::cached;

#[cached(key = "user:{tenent}")]
fn profile(tenant: u64) -> u64 {
    tenant
}

fn main() {}
