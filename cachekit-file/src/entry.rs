//! The bytes of a file. All numbers are little endian.
//!
//! ```text
//!  0  magic      "CKFE"
//!  4  version    1
//!  5  flags      0, 0, 0; a flag that is not known is a version that is not known
//!  8  checksum   XXH3-64 of the value, seeded with the XXH3-64 of bytes 20 to the end of the key
//! 16  mark       the low half of the checksum: fresh; anything else: stale
//! 20  key        length of the key in bytes
//! 24  value      length of the value in bytes
//! 32  written    unix time in ms
//! 40  expires    unix time in ms; all bits set: never
//! 48  key, then value, then the end of the file
//! ```
//!
//! The seed joins two hashes that are each made at one go: neither does a write put head and value
//! together for it, nor a read, nor does one pay for a hash that can be fed piece by piece.
//!
//! The mark is the one thing that changes in a file that has its name: expiring overwrites it in
//! place. What is fresh is spelled by one word, which belongs to this very content: where a reader
//! catches a file that is being written anew, the mark of one content never makes another fresh,
//! and a damaged mark can only turn a fresh entry into a stale one.

use std::time::Duration;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const MAGIC: [u8; 4] = *b"CKFE";
const VERSION: u8 = 1;
pub(crate) const HEADER: usize = 48;

/// Where the mark is.
pub(crate) const MARK_AT: u64 = 16;

/// Where that begins which the checksum covers. What is before is compared, or is the mark.
const COVERED_AT: usize = 20;

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

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// The header of an entry of this version, if its checksum agrees.
    Entry(Claim),
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
        if header[4..8] != [VERSION, 0, 0, 0] {
            return Self::Foreign;
        }
        Self::Entry(Claim {
            checksum: long(header, 8),
            mark: word(header, 16),
            key: word(header, 20),
            value: long(header, 24),
            times: Times {
                written: long(header, 32),
                expires: long(header, 40),
            },
        })
    }
}

/// What the header of an entry says, as long as nobody compared the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    checksum: u64,
    mark: u32,
    key: u32,
    value: u64,
    pub(crate) times: Times,
}

impl Claim {
    pub(crate) const fn is_stale(&self) -> bool {
        self.mark != fresh(self.checksum)
    }

    /// The mark that makes the entry stale, also one that is stale already.
    pub(crate) const fn stale_mark(&self) -> [u8; 4] {
        (!fresh(self.checksum)).to_le_bytes()
    }

    /// The length of header and key, behind which the value begins.
    pub(crate) const fn head_length(&self) -> usize {
        HEADER.saturating_add(self.key as usize)
    }

    /// The length of the value.
    pub(crate) const fn value_length(&self) -> u64 {
        self.value
    }

    /// The length of the file.
    pub(crate) const fn length(&self) -> u64 {
        self.value.saturating_add(self.head_length() as u64)
    }

    /// Whether `head`, the header and the key, and `value` are what they were when they were
    /// written.
    pub(crate) fn is_true(&self, head: &[u8], value: &[u8]) -> bool {
        head.len() == self.head_length()
            && value.len() as u64 == self.value
            && checksum(head, value) == self.checksum
    }

    /// The key and the value in the bytes of a whole file, if they are what they were when they
    /// were written.
    pub(crate) fn split<'a>(&self, file: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (head, value) = file.split_at_checked(self.head_length())?;
        self.is_true(head, value).then(|| (&head[HEADER..], value))
    }
}

/// What a file begins with that holds `value`: everything but the value.
pub(crate) fn head(key: &str, value: &[u8], times: Times) -> Vec<u8> {
    let key_length = u32::try_from(key.len()).expect("a key is shorter than 4 GiB");
    let mut head = Vec::with_capacity(HEADER + key.len());
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&[VERSION, 0, 0, 0]);
    head.extend_from_slice(&[0; COVERED_AT - 8]);
    head.extend_from_slice(&key_length.to_le_bytes());
    head.extend_from_slice(&(value.len() as u64).to_le_bytes());
    head.extend_from_slice(&times.written.to_le_bytes());
    head.extend_from_slice(&times.expires.to_le_bytes());
    head.extend_from_slice(key.as_bytes());
    let checksum = checksum(&head, value);
    head[8..16].copy_from_slice(&checksum.to_le_bytes());
    head[16..COVERED_AT].copy_from_slice(&fresh(checksum).to_le_bytes());
    head
}

/// The mark of a fresh entry: half of the checksum.
#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
const fn fresh(checksum: u64) -> u32 {
    checksum as u32
}

fn checksum(head: &[u8], value: &[u8]) -> u64 {
    xxh3_64_with_seed(value, xxh3_64(&head[COVERED_AT..]))
}

fn word(header: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes(*header[at..].first_chunk().expect("within the header"))
}

fn long(header: &[u8; HEADER], at: usize) -> u64 {
    u64::from_le_bytes(*header[at..].first_chunk().expect("within the header"))
}

#[cfg(test)]
mod tests;
