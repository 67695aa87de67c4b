//! The header in front of every stored payload.
//!
//! It is parsed, and the payload checked, before anything is decoded. Little endian:
//!
//! ```text
//!  0  magic 2 │ version 1 │ codec 1 │ flags 1 │ tag count 1 │ reserved 2
//!  8  computed at 8, unix ms
//! 16  fresh until 8, unix ms
//! 24  cost 4, µs │ payload length 4
//! 32  hash of the whole key 8
//! 40  checksum 8: XXH3-64 of header (with zeros here) and payload
//! 48  payload
//! ```
//!
//! No flag is defined and there are no tags: both bytes are zero, as the reserved ones are. An
//! entry where they are not was written by a later release and is left alone.

use std::time::Duration;

use bytes::Bytes;
use xxhash_rust::xxh3::Xxh3Default;

use crate::key::StoreKey;

/// Bytes in front of the payload.
pub const HEADER_LEN: usize = 48;

const MAGIC: [u8; 2] = [0xCA, 0xCE];
const VERSION: u8 = 1;

const VERSION_AT: usize = 2;
const CODEC_AT: usize = 3;
/// Flags, tag count, reserved: zero in version 1.
const ZEROS: std::ops::Range<usize> = 4..8;
const COMPUTED_AT: usize = 8;
const FRESH_UNTIL_AT: usize = 16;
const COST_AT: usize = 24;
const LENGTH_AT: usize = 28;
const KEY_AT: usize = 32;
const CHECKSUM_AT: usize = 40;

/// What an entry tells of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The codec of the payload: `Codec::ID`.
    pub codec: u8,
    /// When the value was computed, in milliseconds since 1970, by the clock of who computed it.
    pub computed_at_ms: u64,
    /// Until when it is fresh, by the same clock. How long it may still be served is what the
    /// store reports; this, less `computed_at_ms`, is the whole ttl.
    pub fresh_until_ms: u64,
    /// How long the computation took: whole microseconds, at most about 71 minutes. Zero: unknown.
    pub cost: Duration,
}

/// An entry that is whole, of this key and of this codec.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// What it tells of itself.
    pub header: Header,
    /// The encoded value: a slice of the bytes that were opened.
    pub payload: Bytes,
}

/// Why bytes are not an entry that can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Defect {
    /// Shorter than a header.
    Truncated,
    /// Does not begin as our entries do.
    NotOurs,
    /// Written by a release that knows more.
    UnknownVersion,
    /// Header or payload changed since they were written.
    Checksum,
    /// Whole, and stored for another key.
    OtherKey,
    /// Whole, and encoded by another codec.
    OtherCodec,
    /// The payload is longer or shorter than the header says.
    Length,
}

impl Defect {
    /// A word for counters and logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Truncated => "truncated",
            Self::NotOurs => "not_ours",
            Self::UnknownVersion => "unknown_version",
            Self::Checksum => "checksum",
            Self::OtherKey => "other_key",
            Self::OtherCodec => "other_codec",
            Self::Length => "length",
        }
    }

    /// Whether the entry may serve another release, so that it is neither replaced nor removed
    /// for being unreadable here.
    #[must_use]
    pub const fn leave_alone(self) -> bool {
        matches!(self, Self::UnknownVersion)
    }
}

/// A buffer to which the payload is appended before [`seal`].
#[must_use]
pub fn begin() -> Vec<u8> {
    vec![0; HEADER_LEN]
}

/// Fills in the header of a `buffer` that [`begin`] made and a codec appended to.
///
/// # Panics
/// If `buffer` is shorter than [`HEADER_LEN`], which one from `begin` never is.
#[must_use]
pub fn seal(mut buffer: Vec<u8>, header: &Header, key: &StoreKey) -> Bytes {
    // A length or cost beyond the field's range: such a payload fails to open, and such a cost
    // is as good as the largest.
    let length = u32::try_from(buffer.len() - HEADER_LEN).unwrap_or(u32::MAX);
    let cost = u32::try_from(header.cost.as_micros()).unwrap_or(u32::MAX);
    let mut put = |at: usize, bytes: &[u8]| buffer[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &MAGIC);
    put(VERSION_AT, &[VERSION, header.codec]);
    put(COMPUTED_AT, &header.computed_at_ms.to_le_bytes());
    put(FRESH_UNTIL_AT, &header.fresh_until_ms.to_le_bytes());
    put(COST_AT, &cost.to_le_bytes());
    put(LENGTH_AT, &length.to_le_bytes());
    put(KEY_AT, &key_hash(key));
    let checksum = checksum(&buffer);
    buffer[CHECKSUM_AT..HEADER_LEN].copy_from_slice(&checksum);
    buffer.into()
}

/// Checks that `bytes` are an entry of `key` encoded by `codec`, and takes it apart.
///
/// # Errors
/// What is wrong with them; the first that applies in the order magic, version, length, checksum,
/// key, codec.
pub fn open(bytes: Bytes, codec: u8, key: &StoreKey) -> Result<Envelope, Defect> {
    check_frame(&bytes)?;
    if bytes[KEY_AT..CHECKSUM_AT] != key_hash(key) {
        return Err(Defect::OtherKey);
    }
    if bytes[CODEC_AT] != codec {
        return Err(Defect::OtherCodec);
    }
    let header = Header {
        codec,
        computed_at_ms: u64::from_le_bytes(field(&bytes, COMPUTED_AT)),
        fresh_until_ms: u64::from_le_bytes(field(&bytes, FRESH_UNTIL_AT)),
        cost: Duration::from_micros(u32::from_le_bytes(field(&bytes, COST_AT)).into()),
    };
    Ok(Envelope {
        header,
        payload: bytes.slice(HEADER_LEN..),
    })
}

/// What can be told without knowing whose entry it is.
fn check_frame(bytes: &[u8]) -> Result<(), Defect> {
    if bytes.len() <= VERSION_AT {
        return Err(Defect::Truncated);
    }
    if !bytes.starts_with(&MAGIC) {
        return Err(Defect::NotOurs);
    }
    if bytes[VERSION_AT] != VERSION {
        return Err(Defect::UnknownVersion);
    }
    if bytes.len() < HEADER_LEN {
        return Err(Defect::Truncated);
    }
    if bytes[ZEROS] != [0; 4] {
        return Err(Defect::UnknownVersion);
    }
    let length = u32::from_le_bytes(field(bytes, LENGTH_AT));
    if (bytes.len() - HEADER_LEN) as u64 != u64::from(length) {
        return Err(Defect::Length);
    }
    if bytes[CHECKSUM_AT..HEADER_LEN] != checksum(bytes) {
        return Err(Defect::Checksum);
    }
    Ok(())
}

fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut field = [0; N];
    field.copy_from_slice(&bytes[at..at + N]);
    field
}

fn checksum(bytes: &[u8]) -> [u8; 8] {
    let mut hash = Xxh3Default::new();
    hash.update(&bytes[..CHECKSUM_AT]);
    hash.update(&[0; HEADER_LEN - CHECKSUM_AT]);
    hash.update(&bytes[HEADER_LEN..]);
    hash.digest().to_le_bytes()
}

fn key_hash(key: &StoreKey) -> [u8; 8] {
    field(blake3::hash(key.as_str().as_bytes()).as_bytes(), 0)
}
