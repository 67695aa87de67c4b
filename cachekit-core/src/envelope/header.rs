//! Where the fields of a header lie, and how they are written and read.

use std::ops::Range;
use std::time::Duration;

use xxhash_rust::xxh3::Xxh3Default;

use super::{Defect, lz4};
use crate::key::StoreKey;
use crate::ttl::Ttl;

/// Bytes in front of tags and payload.
pub const HEADER_LEN: usize = 48;

/// The version of the format.
pub(crate) const VERSION: u8 = 2;

const MAGIC: [u8; 2] = [0xCA, 0xCE];
const LZ4: u8 = 1;
const ABSENT: u8 = 2;
const UNCACHEABLE: u8 = 4;
const NO_GRACE: u8 = 8;
/// The flags that this build understands.
const KNOWN_FLAGS: u8 = ABSENT | UNCACHEABLE | NO_GRACE | if lz4::AVAILABLE { LZ4 } else { 0 };

const VERSION_AT: usize = 2;
const CODEC: usize = 3;
const FLAGS: usize = 4;
const TAGS: Range<usize> = 5..6;
const RESERVED: Range<usize> = 6..8;
const COMPUTED_AT: Range<usize> = 8..14;
const TTL: Range<usize> = 14..19;
const GRACE: Range<usize> = 19..24;
const COST: Range<usize> = 24..28;
const PAYLOAD_LEN: Range<usize> = 28..32;
const KEY: Range<usize> = 32..40;
const CHECKSUM: Range<usize> = 40..HEADER_LEN;

/// What an entry tells of itself.
///
/// A time that does not fit into its field is taken for the longest that does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The codec of the payload: `Codec::ID`.
    pub codec: u8,
    /// When the value was computed, in milliseconds since 1970, by the clock of who computed it.
    pub computed_at_ms: u64,
    /// How long it was to be fresh: whole milliseconds, rounded up, at most about 34 years.
    pub ttl: Duration,
    /// How long the store keeps it after that: whole milliseconds, rounded up, at most about 34
    /// years. How long it is still fresh is the time that the store reports as left, less this.
    pub grace: Duration,
    /// How long the computation took: whole microseconds, at most about 71 minutes. Zero: unknown.
    pub cost: Duration,
    /// Whether the entry says that there is no value. It has no payload then.
    pub absent: bool,
    /// Whether the entry says that results of its key cannot be stored. It has no payload then.
    pub uncacheable: bool,
    /// Whether it is never served after its ttl, though the store keeps it for the `grace`.
    pub no_grace: bool,
}

impl Header {
    /// How long the store keeps the entry.
    pub(crate) fn whole(&self) -> Ttl {
        Ttl::new(self.ttl.saturating_add(self.grace)).unwrap_or(Ttl::NEVER)
    }

    pub(super) fn has_payload(&self) -> bool {
        !self.absent && !self.uncacheable
    }
}

/// What comes after the header, and how.
pub(super) struct Frame {
    pub(super) compressed: bool,
    /// How many.
    pub(super) tags: usize,
    pub(super) payload_len: usize,
}

/// Fills in the header of `entry`, which is complete but for it.
pub(super) fn write(entry: &mut [u8], header: &Header, frame: &Frame, key: &StoreKey) {
    let flag = |set, flag| if set { flag } else { 0 };
    entry[..MAGIC.len()].copy_from_slice(&MAGIC);
    entry[VERSION_AT] = VERSION;
    entry[CODEC] = header.codec;
    entry[FLAGS] = flag(frame.compressed, LZ4)
        | flag(header.absent, ABSENT)
        | flag(header.uncacheable, UNCACHEABLE)
        | flag(header.no_grace, NO_GRACE);
    put(entry, TAGS, frame.tags as u128);
    put(entry, COMPUTED_AT, header.computed_at_ms.into());
    put(entry, TTL, millis(header.ttl));
    put(entry, GRACE, millis(header.grace));
    put(entry, COST, header.cost.as_micros());
    put(entry, PAYLOAD_LEN, frame.payload_len as u128);
    entry[KEY].copy_from_slice(&key_hash(key));
    let checksum = checksum(entry);
    entry[CHECKSUM].copy_from_slice(&checksum);
}

/// What can be told without knowing whose entry it is. The checksum comes first: a flag that a
/// damaged byte has set is not one of a later release.
pub(super) fn check(entry: &[u8]) -> Result<Frame, Defect> {
    if entry.len() <= VERSION_AT {
        return Err(Defect::Truncated);
    }
    if !entry.starts_with(&MAGIC) {
        return Err(Defect::NotOurs);
    }
    if entry[VERSION_AT] != VERSION {
        return Err(Defect::UnknownVersion);
    }
    if entry.len() < HEADER_LEN {
        return Err(Defect::Truncated);
    }
    if entry[CHECKSUM] != checksum(entry) {
        return Err(Defect::Checksum);
    }
    if entry[FLAGS] & !KNOWN_FLAGS != 0 || entry[RESERVED] != [0; 2] {
        return Err(Defect::UnknownVersion);
    }
    let size = |field| usize::try_from(number(&entry[field])).map_err(|_| Defect::Length);
    Ok(Frame {
        compressed: entry[FLAGS] & LZ4 != 0,
        tags: size(TAGS)?,
        payload_len: size(PAYLOAD_LEN)?,
    })
}

/// The header of an entry that is whole.
pub(super) fn read(entry: &[u8], codec: u8, key: &StoreKey) -> Result<Header, Defect> {
    if entry[KEY] != key_hash(key) {
        return Err(Defect::OtherKey);
    }
    if entry[CODEC] != codec {
        return Err(Defect::OtherCodec);
    }
    Ok(Header {
        codec,
        computed_at_ms: number(&entry[COMPUTED_AT]),
        ttl: Duration::from_millis(number(&entry[TTL])),
        grace: Duration::from_millis(number(&entry[GRACE])),
        cost: Duration::from_micros(number(&entry[COST])),
        absent: entry[FLAGS] & ABSENT != 0,
        uncacheable: entry[FLAGS] & UNCACHEABLE != 0,
        no_grace: entry[FLAGS] & NO_GRACE != 0,
    })
}

/// Writes `number`, or the largest that `field` has room for.
fn put(entry: &mut [u8], field: Range<usize>, number: u128) {
    let largest = (1 << (8 * field.len())) - 1;
    let bytes = number.min(largest).to_le_bytes();
    let len = field.len();
    entry[field].copy_from_slice(&bytes[..len]);
}

/// The number in a field of at most eight bytes.
pub(super) fn number(field: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    bytes[..field.len()].copy_from_slice(field);
    u64::from_le_bytes(bytes)
}

fn millis(time: Duration) -> u128 {
    time.as_nanos().div_ceil(1_000_000)
}

fn checksum(entry: &[u8]) -> [u8; 8] {
    let mut hash = Xxh3Default::new();
    hash.update(&entry[..CHECKSUM.start]);
    hash.update(&[0; CHECKSUM.end - CHECKSUM.start]);
    hash.update(&entry[HEADER_LEN..]);
    hash.digest().to_le_bytes()
}

fn key_hash(key: &StoreKey) -> [u8; 8] {
    let mut hash = [0; 8];
    hash.copy_from_slice(&blake3::hash(key.as_str().as_bytes()).as_bytes()[..8]);
    hash
}
