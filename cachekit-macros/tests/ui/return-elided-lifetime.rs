use cachekit_macros::cached;

use std::borrow::Cow;

#[cached]
fn trimmed(text: &str) -> Cow<'_, str> {
    text.trim().into()
}

fn main() {}
