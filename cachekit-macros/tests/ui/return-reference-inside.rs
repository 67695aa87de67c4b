use cachekit_macros::cached;

#[cached]
fn words(text: &str) -> Vec<&str> {
    text.split(' ').collect()
}

fn main() {}
