//! What tests write.

use std::time::Duration;

use bytes::Bytes;

use super::{Dialect, Exptime, Get, Key, Mode, Request, Set};

/// A read of all that there is to know.
pub(crate) fn get(key: &str) -> Request<'static> {
    Request::Get(Get {
        key: Key::new(key.as_bytes().to_vec()).unwrap(),
        value: true,
        left: true,
        vivify: None,
        touch: None,
    })
}

/// A write of `value`, which stays.
pub(crate) fn set(key: &str, value: impl Into<Bytes>) -> Request<'static> {
    Request::Set(Set {
        key: Key::new(key.as_bytes().to_vec()).unwrap(),
        value: value.into(),
        exptime: Exptime::MAX,
        client_flags: 0,
        cas: None,
        mode: Mode::Set,
    })
}

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
