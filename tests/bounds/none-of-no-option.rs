use cachekit::cached;

type Fallible<T> = Result<T, String>;
type Found<T> = Fallible<Option<T>>;

#[cached(cache_none)]
fn plain(id: u64) -> u64 {
    id
}

#[cached(negative_ttl = 30)]
async fn fallible(id: u64) -> Fallible<u64> {
    Ok(id)
}

#[cached(negative_ttl = 30, companions = false)]
fn listed(id: u64) -> Vec<Option<u64>> {
    vec![Some(id)]
}

#[cached(negative_ttl = 30)]
fn found(id: u64) -> Found<u64> {
    Ok(Some(id))
}

fn main() {}
