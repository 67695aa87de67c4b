//! From the key of a caller to the key on the wire, and to the text that places it.

use std::borrow::Cow;

use cachekit_core::error::ErrorKind;

use crate::config::BinaryKeys;
use crate::error::Failure;
use crate::protocol::{InvalidKey, Key, KeyLine, MAX_KEY_LEN};

/// Stands between what is readable of a key and its hash.
const HASHED: &[u8] = "…".as_bytes();
/// The hash in hexadecimal digits.
const HASH: usize = 64;

/// How keys are written.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    prefix: String,
    hash_prefix: bool,
    binary: BinaryKeys,
}

impl Keys {
    pub(super) const fn new(prefix: String, hash_prefix: bool, binary: BinaryKeys) -> Self {
        Self {
            prefix,
            hash_prefix,
            binary,
        }
    }

    /// The key on the wire: prefix and key. Where that is over 250 bytes, has a byte that cannot be
    /// written, is no UTF-8 or looks as if it were hashed: prefix, what fits of the key's readable
    /// beginning, and the BLAKE3 of the whole key; or base64, where that is wanted and does.
    pub(crate) fn wire<'k>(&self, key: &'k [u8]) -> Result<Key<'k>, Failure> {
        check(key)?;
        if is_plain(key)
            && let Ok(key) = Key::new(self.whole(key))
        {
            return Ok(key);
        }
        if self.binary == BinaryKeys::Base64
            && !looks_hashed(key)
            && let Ok(key) = Key::base64(&self.whole(key))
        {
            return Ok(key);
        }
        hashed(&self.prefix, key, blake3::hash(key))
    }

    /// Adds the key on the wire to `line`, if there is one and it needs no base64.
    pub(super) fn append(&self, key: &[u8], line: &mut KeyLine) -> bool {
        if is_plain(key) && line.push_parts(self.prefix.as_bytes(), key).is_ok() {
            return true;
        }
        let wire = self.wire(key).ok().filter(|wire| !wire.is_base64());
        wire.inspect(|wire| line.push(wire)).is_some()
    }

    /// Prefix and key.
    fn whole<'a>(&self, key: &'a [u8]) -> Cow<'a, [u8]> {
        if self.prefix.is_empty() {
            Cow::Borrowed(key)
        } else {
            Cow::Owned([self.prefix.as_bytes(), key].concat())
        }
    }

    /// The text that decides on which node an item lies, from the one of its key.
    pub(crate) fn route<'a>(&self, text: Cow<'a, str>) -> Cow<'a, str> {
        if self.hash_prefix && !self.prefix.is_empty() {
            Cow::Owned([&self.prefix, &*text].concat())
        } else {
            text
        }
    }
}

/// The key of what lies beside the item of `key` and tells who computes it. No item of a caller ever
/// has it: keys that look like it are hashed, and in another way.
pub(crate) fn lease(key: &Key<'_>) -> Key<'static> {
    let hash = blake3::derive_key("cachekit lease", key.as_bytes());
    hashed("", key.as_bytes(), hash.into()).expect("graphic bytes and a hash are a key")
}

/// `prefix`, what fits of the readable beginning of `key`, and `hash`.
fn hashed(prefix: &str, key: &[u8], hash: blake3::Hash) -> Result<Key<'static>, Failure> {
    let mut wire = Vec::with_capacity(MAX_KEY_LEN);
    wire.extend_from_slice(prefix.as_bytes());
    let readable = MAX_KEY_LEN - wire.len() - HASHED.len() - HASH;
    let graphic = key.iter().take_while(|byte| byte.is_ascii_graphic());
    wire.extend(graphic.take(readable));
    wire.extend_from_slice(HASHED);
    wire.extend_from_slice(hash.to_hex().as_bytes());
    Key::new(wire).map_err(invalid)
}

/// Whether `key` can be a key: all bytes can, but none at all.
pub(super) fn check(key: &[u8]) -> Result<(), Failure> {
    if key.is_empty() {
        return Err(Failure::new(ErrorKind::InvalidKey, "no bytes at all"));
    }
    Ok(())
}

fn invalid(invalid: InvalidKey) -> Failure {
    Failure::new(ErrorKind::InvalidKey, invalid.to_string())
}

/// A key as text: what is no UTF-8 byte by byte, each as the character of that number.
pub(super) fn text(key: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(key) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => key.iter().copied().map(char::from).collect(),
    }
}

/// Whether a key is written as it is, if its bytes can be written.
fn is_plain(key: &[u8]) -> bool {
    // Most keys are ASCII, which is told sooner.
    let is_text = key.is_ascii() || std::str::from_utf8(key).is_ok();
    !key.is_empty() && is_text && !looks_hashed(key)
}

/// Whether a key ends as hashed ones do. It is hashed then, so that it never is another's hash.
fn looks_hashed(key: &[u8]) -> bool {
    key.split_last_chunk::<HASH>().is_some_and(|(head, hash)| {
        head.ends_with(HASHED) && hash.iter().all(u8::is_ascii_hexdigit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::MAX_KEY_PREFIX;

    fn keys(prefix: &str) -> Keys {
        Keys::new(prefix.to_owned(), true, BinaryKeys::Hashed)
    }

    fn wire(prefix: &str, key: &[u8]) -> Vec<u8> {
        keys(prefix).wire(key).unwrap().as_bytes().to_vec()
    }

    fn long(last: char) -> String {
        format!("{}{last}", "k".repeat(300))
    }

    #[test]
    fn a_key_that_fits_is_written_as_it_is() {
        let key = "k".repeat(246);
        assert_eq!(
            wire("app:", key.as_bytes()),
            format!("app:{key}").as_bytes()
        );
        assert_eq!(
            wire("", "schlüssel:鍵".as_bytes()),
            "schlüssel:鍵".as_bytes()
        );
    }

    #[test]
    fn a_key_over_250_bytes_with_its_prefix_is_hashed_and_keeps_a_readable_head() {
        for prefix in ["", "app:", &"p".repeat(MAX_KEY_PREFIX)] {
            let a = wire(prefix, long('a').as_bytes());
            assert_eq!(a.len(), MAX_KEY_LEN);
            assert!(a.starts_with(format!("{prefix}kkkk").as_bytes()));
            assert_ne!(a, wire(prefix, long('b').as_bytes()));
        }
    }

    #[test]
    fn a_key_that_cannot_be_written_or_is_no_text_is_hashed() {
        for key in [
            b"a b".as_slice(),
            b"a\r\nflush_all",
            b"a\0",
            b"\xff\xfe",
            b"\x7f",
            b" ",
        ] {
            let wire = wire("app:", key);
            assert!(looks_hashed(&wire), "{key:?}");
            let head: Vec<_> = key
                .iter()
                .copied()
                .take_while(u8::is_ascii_graphic)
                .collect();
            assert!(wire.starts_with(&[b"app:", head.as_slice(), HASHED].concat()));
        }
    }

    #[test]
    fn a_key_that_is_written_as_a_hashed_one_is_hashed_itself() {
        let hashed = wire("", long('a').as_bytes());
        assert_ne!(wire("", &hashed), hashed);
        assert_ne!(wire("", &wire("", b"a b")), wire("", b"a b"));
    }

    #[test]
    fn base64_is_for_keys_that_need_it_and_fit() {
        let keys = Keys::new("p:".to_owned(), true, BinaryKeys::Base64);
        let wire = |key: &[u8]| keys.wire(key).unwrap().to_owned();
        assert_eq!(wire(b"a b").as_bytes(), b"cDphIGI=");
        assert!(wire(&[0xff; 184]).is_base64());
        for plain in [b"ab".as_slice(), &[b'k'; 248]] {
            assert!(!wire(plain).is_base64());
        }
        let hashed = wire(&[0xff; 185]);
        assert!(!hashed.is_base64() && looks_hashed(hashed.as_bytes()));
        // The bytes of a hashed key are no key of anybody else, however they are written.
        let looks = &hashed.as_bytes()[2..];
        assert_ne!(wire(looks), hashed);
        assert!(!wire(&[b" ", looks].concat()).is_base64());
    }

    #[test]
    fn a_lease_lies_under_a_key_that_no_caller_can_write() {
        for key in [b"k".as_slice(), &[b'k'; 250], b"a b"] {
            let entry = keys("p:").wire(key).unwrap();
            let lease = lease(&entry);
            assert!(looks_hashed(lease.as_bytes()) && lease != entry);
            assert!(lease.as_bytes().len() <= MAX_KEY_LEN);
            for prefix in ["", "p:"] {
                let text = lease.as_bytes().strip_prefix(prefix.as_bytes()).unwrap();
                assert_ne!(keys(prefix).wire(text).unwrap(), lease);
            }
        }
        let [one, other] = ["k:1", "k:2"].map(|key| lease(&Key::new(key.as_bytes()).unwrap()));
        assert_ne!(one, other);
    }

    #[test]
    fn a_key_without_bytes_is_refused_even_under_a_prefix() {
        let failure = keys("app:").wire(b"").unwrap_err();
        assert_eq!(failure.kind, ErrorKind::InvalidKey);
    }

    #[test]
    fn the_prefix_takes_part_in_placing_where_it_is_told_to() {
        assert_eq!(keys("p:").route("k".into()), "p:k");
        let keys = Keys::new("p:".to_owned(), false, BinaryKeys::Hashed);
        assert_eq!(keys.route("k".into()), "k");
    }

    #[test]
    fn a_key_that_is_no_text_is_placed_by_its_bytes() {
        assert_eq!(text("鍵".as_bytes()), "鍵");
        assert_eq!(text(&[b'k', 0xff]), "k\u{ff}");
    }
}
