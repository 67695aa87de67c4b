use cachekit_macros::cached;

#[cached]
fn profile(id: u64, #[cfg(all())] verbose: bool) -> u64 {
    if verbose { id } else { 0 }
}

fn main() {}
