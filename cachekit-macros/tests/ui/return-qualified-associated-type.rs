use cachekit_macros::cached;

#[cached]
fn first<I: Iterator>(mut items: I) -> <I as Iterator>::Item {
    items.next().unwrap()
}

fn main() {}
