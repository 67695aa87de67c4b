//! Named caches: where they are, what they keep apart, and what a test puts in their place.

mod child;
mod environment;
mod replaced;

use std::sync::Mutex;

use cachekit::cached;

cachekit::caches! {
    /// What is for sale.
    catalog,
    sessions,
}

/// What was computed.
static COMPUTED: Mutex<Vec<&str>> = Mutex::new(Vec::new());

fn compute(what: &'static str) {
    COMPUTED.lock().unwrap().push(what);
}

fn computed() -> String {
    COMPUTED.lock().unwrap().join(", ")
}

#[cached]
fn plain(id: u64) -> u64 {
    compute("plain");
    id
}

#[cached(cache = "catalog", ttl = "1h")]
fn price(id: u64) -> u64 {
    compute("price");
    id * 100
}

#[cached(cache = "sessions")]
async fn session(id: u64) -> String {
    compute("session");
    format!("session {id}")
}

struct Shop;

impl Shop {
    #[cached(cache = "catalog", skip(self))]
    async fn article(&self, name: &str) -> String {
        compute("article");
        name.to_uppercase()
    }
}
