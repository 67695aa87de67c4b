use cachekit_macros::cached;

use std::borrow::Cow;

#[cached]
fn trimmed<'a>(text: &'a str) -> Cow<'a, str> {
    text.trim().into()
}

fn main() {}
