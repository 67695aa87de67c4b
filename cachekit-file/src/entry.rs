//! The bytes of a file. All numbers are little endian.
//!
//! ```text
//!  0  magic      "CKFE"
//!  4  version    1
//!  5  flags      0; a flag that is not known is a version that is not known
//!  6  reserved   0, 0
//!  8  written    unix time in ms
//! 16  expires    unix time in ms; all bits set: never
//! 24  key        length of the key in bytes
//! 28  mark       0: fresh; anything else: stale
//! 32  value      length of the value in bytes
//! 40  checksum   XXH3-64 of everything else but the mark
//! 48  key, then value, then the end of the file
//! ```
//!
//! The mark is the one thing that changes in a file that has its name: expiring overwrites it in
//! place. A file that was replaced or removed meanwhile is then marked without effect, so that an
//! expiry never brings back what a write or a removal took away. It is outside the checksum, and
//! a damaged mark can only turn a fresh entry into a stale one.

use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3;

const MAGIC: [u8; 4] = *b"CKFE";
const VERSION: u8 = 1;
pub(crate) const HEADER: usize = 48;

/// Where the mark is, and what makes an entry stale.
pub(crate) const MARK_AT: u64 = 28;
pub(crate) const STALE: [u8; 4] = [0xff; 4];

/// `expires` of an entry that does not go by itself.
pub(crate) const NEVER: u64 = u64::MAX;

/// A clock that was set back makes entries look as if they came from the future. More than this
/// is not a difference between the clocks of two machines, and their age cannot be told.
const SKEW_MS: u64 = 1_000;

/// When an entry was written, and until when it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) written: u64,
    pub(crate) expires: u64,
}

impl Times {
    pub(crate) fn is_over(self, now: u64) -> bool {
        self.expires <= now || self.written > now.saturating_add(SKEW_MS)
    }

    pub(crate) fn left(self, now: u64) -> Duration {
        if self.expires == NEVER {
            Duration::MAX
        } else {
            Duration::from_millis(self.expires.saturating_sub(now))
        }
    }
}

/// What the header of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// An entry of this version, if its checksum agrees.
    Entry(Times),
    /// Written by another release, which may still want it.
    Foreign,
    /// Not an entry.
    Damaged,
}

impl Header {
    /// Reads the header of a file that begins with `bytes`.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return Self::Damaged;
        };
        if header[..4] != MAGIC {
            return Self::Damaged;
        }
        if header[4] != VERSION || header[5..8] != [0; 3] {
            return Self::Foreign;
        }
        Self::Entry(Times {
            written: number(header, 8),
            expires: number(header, 16),
        })
    }
}

/// A whole file, understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) times: Times,
    pub(crate) stale: bool,
    pub(crate) value: Bytes,
}

/// What a file begins with that holds `value`: everything but the value.
pub(crate) fn head(key: &str, value: &[u8], times: Times) -> Vec<u8> {
    let key_length = u32::try_from(key.len()).expect("a key is shorter than 4 GiB");
    let mut head = Vec::with_capacity(HEADER + key.len());
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&[VERSION, 0, 0, 0]);
    head.extend_from_slice(&times.written.to_le_bytes());
    head.extend_from_slice(&times.expires.to_le_bytes());
    head.extend_from_slice(&key_length.to_le_bytes());
    head.extend_from_slice(&[0; 4]);
    head.extend_from_slice(&(value.len() as u64).to_le_bytes());
    head.extend_from_slice(&[0; 8]);
    head.extend_from_slice(key.as_bytes());
    let checksum = checksum(&head, value);
    head[40..HEADER].copy_from_slice(&checksum.to_le_bytes());
    head
}

/// The entry of `key` in the bytes of a file; `None` where they are not exactly that.
pub(crate) fn parse(file: Bytes, key: &str) -> Option<Entry> {
    let Header::Entry(times) = Header::read(&file) else {
        return None;
    };
    let value_at = HEADER + key.len();
    let (head, value) = file.split_at_checked(value_at)?;
    let header = head.first_chunk::<HEADER>()?;
    let lengths_agree = number(header, 32) == value.len() as u64
        && u64::from(u32::from_le_bytes(*header[24..].first_chunk()?)) == key.len() as u64;
    if !lengths_agree
        || number(header, 40) != checksum(head, value)
        || head[HEADER..] != *key.as_bytes()
    {
        return None;
    }
    let stale = header[28..32] != [0; 4];
    Some(Entry {
        times,
        stale,
        value: file.slice(value_at..),
    })
}

fn number(header: &[u8; HEADER], at: usize) -> u64 {
    let bytes = header[at..]
        .first_chunk()
        .expect("every number lies within the header");
    u64::from_le_bytes(*bytes)
}

fn checksum(head: &[u8], value: &[u8]) -> u64 {
    let mut hash = Xxh3::new();
    hash.update(&head[..28]);
    hash.update(&head[32..40]);
    hash.update(&head[HEADER..]);
    hash.update(value);
    hash.digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        written: 1_000,
        expires: 61_000,
    };
    const KEY: &str = "app:profile:1b00:42";

    fn file(value: &[u8]) -> Vec<u8> {
        let mut file = head(KEY, value, TIMES);
        file.extend_from_slice(value);
        file
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        for value in [&b""[..], b"v", &[0xff; 10_000]] {
            let entry = parse(file(value).into(), KEY).unwrap();
            assert_eq!(
                (entry.times, entry.stale, &entry.value[..]),
                (TIMES, false, value)
            );
        }
    }

    #[test]
    fn every_change_of_one_byte_is_a_miss_or_the_equal_value() {
        let whole = file(b"a value");
        for at in 0..whole.len() {
            for flip in 1..=255 {
                let mut changed = whole.clone();
                changed[at] ^= flip;
                if let Some(entry) = parse(changed.into(), KEY) {
                    assert_eq!((entry.times, &entry.value[..]), (TIMES, &b"a value"[..]));
                    assert!(entry.stale, "only the mark may change, at {at}");
                }
            }
        }
    }

    #[test]
    fn a_damaged_mark_never_makes_a_stale_entry_fresh() {
        let mut stale = file(b"v");
        stale[28..32].copy_from_slice(&STALE);
        for at in 28..32 {
            for flip in 0..=255 {
                let mut changed = stale.clone();
                changed[at] ^= flip;
                assert!(parse(changed.into(), KEY).unwrap().stale);
            }
        }
    }

    #[test]
    fn every_truncation_and_every_tail_is_a_miss() {
        let whole = file(b"a value");
        for length in 0..whole.len() {
            assert_eq!(parse(whole[..length].to_vec().into(), KEY), None);
            let mut nulled = whole.clone();
            nulled[length..].fill(0);
            assert_eq!(parse(nulled.into(), KEY), None);
        }
        assert_eq!(parse([&whole[..], b"x"].concat().into(), KEY), None);
    }

    #[test]
    fn the_file_of_another_key_is_a_miss() {
        assert_eq!(parse(file(b"v").into(), "app:profile:1b00:43"), None);
        assert_eq!(parse(file(b"v").into(), "app"), None);
    }

    #[test]
    fn another_version_or_flag_is_foreign() {
        for at in 4..8 {
            let mut changed = file(b"v");
            changed[at] ^= 2;
            assert_eq!(Header::read(&changed), Header::Foreign);
        }
    }

    #[test]
    fn an_entry_from_the_future_is_over() {
        assert!(!TIMES.is_over(TIMES.written));
        assert!(!TIMES.is_over(TIMES.expires - 1));
        assert!(TIMES.is_over(TIMES.expires));
        assert!(!TIMES.is_over(TIMES.written - SKEW_MS));
        assert!(
            Times {
                written: 10_000,
                expires: 20_000
            }
            .is_over(8_999)
        );
    }
}
