//! What the tests of both dialects write.

use std::time::Duration;

use super::{Dialect, Exptime, Key, Request};

/// `request` as it is written in `dialect`, with the opaque 7.
pub(super) fn encoded(request: &Request<'_>, dialect: Dialect) -> String {
    let mut out = Vec::new();
    request.encode(dialect, 7, &mut out);
    assert!(out.len() <= request.encoded_len());
    String::from_utf8(out).unwrap()
}

pub(super) fn key() -> Key<'static> {
    Key::new(b"k").unwrap()
}

pub(super) fn seconds(seconds: u64) -> Exptime {
    Exptime::of(Duration::from_secs(seconds))
}
