use cachekit::cached;

use std::rc::Rc;

#[cached]
async fn load(id: u64) -> u64 {
    let shared = Rc::new(id);
    std::future::ready(()).await;
    *shared
}

fn main() {}
