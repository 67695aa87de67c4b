use cachekit_macros::cached;

#[cached(key = id, skip(verbose))]
fn profile(id: u64, verbose: bool) -> u64 {
    if verbose { id } else { 0 }
}

fn main() {}
