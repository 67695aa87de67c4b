use cachekit_macros::cached;

#[cached(key = "user:{idd}", unless = id == 0)]
const fn profile(id: u64, trace: &mut u64) -> &u64 {
    *trace = id;
    &0
}

fn main() {}
