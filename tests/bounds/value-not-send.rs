use cachekit::cached;

use std::rc::Rc;

#[cached(local)]
fn load(id: u64) -> Rc<u64> {
    Rc::new(id)
}

fn main() {}
