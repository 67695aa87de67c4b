//! The header in front of every stored payload.
//!
//! It is parsed, and everything checked, before anything is decoded. Little endian:
//!
//! ```text
//!  0  magic 2 │ version 1 │ codec 1 │ flags 1 │ tag count 1 │ reserved 2
//!  8  computed at 6, unix ms │ ttl 5, ms │ grace 5, ms
//! 24  cost 4, µs │ payload length 4
//! 32  hash of the whole key 8
//! 40  checksum 8: XXH3-64 of all bytes, with zeros here
//! 48  tags: each 8 for the name and 8 for the token
//!     payload
//! ```
//!
//! | flag | the payload |
//! |---|---|
//! | 1 | is compressed: its length 4, and one block of LZ4 |
//! | 2 | is not there: it was looked for, and there is no value |
//! | 4 | is not there: results of this key cannot be stored, for as long as the ttl says |
//! | 8 | is not served after its ttl: `grace` is only how long the store keeps it |
//!
//! An entry with another flag, or with reserved bytes that are not zero, was written by a later
//! release and is left alone. So is a compressed one where the feature `lz4` is off.

mod header;
#[cfg_attr(not(feature = "lz4"), path = "no_lz4.rs")]
mod lz4;

use bytes::Bytes;

pub(crate) use self::header::VERSION;
pub use self::header::{HEADER_LEN, Header};

use self::header::Frame;
use crate::key::StoreKey;

/// The most bytes that a payload may have, compressed or not: 64 MiB, as codecs have it.
pub const MAX_PAYLOAD: usize = 64 << 20;

/// Bytes of one tag.
const TAG_LEN: usize = 16;

/// An entry that is whole, of this key and of this codec.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// What it tells of itself.
    pub header: Header,
    /// The tags it was stored with.
    pub tags: Vec<TagVersion>,
    /// The encoded value: a slice of the bytes that were opened, unless these are compressed.
    pub payload: Bytes,
}

/// The version that a tag had when the computation of an entry began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TagVersion {
    /// The hash of its name.
    pub name: u64,
    /// The random number that stood for it; another one since then makes the entry invalid.
    pub token: u64,
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
    /// Changed, cut or prolonged since it was written.
    Checksum,
    /// Whole, and stored for another key.
    OtherKey,
    /// Whole, and encoded by another codec.
    OtherCodec,
    /// Whole, and tags and payload are longer or shorter than the header says.
    Length,
    /// Whole, and the payload is not what the compression makes.
    Compression,
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
            Self::Compression => "compression",
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

/// Makes an entry of a `buffer` that [`begin`] made and a codec appended to: compresses the
/// payload where that is worth it, puts the tags before it, and fills in the header. An
/// [absent](Header::absent) or [uncacheable](Header::uncacheable) entry has no payload.
///
/// More than 255 tags, or 4 GiB, do not fit into the header; such an entry fails to open.
///
/// # Panics
/// If `buffer` is shorter than [`HEADER_LEN`], which one from `begin` never is.
#[must_use]
pub fn seal(mut buffer: Vec<u8>, header: &Header, tags: &[TagVersion], key: &StoreKey) -> Bytes {
    if !header.has_payload() {
        buffer.truncate(HEADER_LEN);
    }
    let compressed = lz4::compress(&buffer[HEADER_LEN..]);
    if let Some(compressed) = &compressed {
        buffer.truncate(HEADER_LEN);
        buffer.extend_from_slice(compressed);
    }
    let frame = Frame {
        compressed: compressed.is_some(),
        tags: tags.len(),
        payload_len: buffer.len() - HEADER_LEN,
    };
    let tags = tags.iter().flat_map(|tag| tag.to_bytes());
    buffer.splice(HEADER_LEN..HEADER_LEN, tags);
    header::write(&mut buffer, header, &frame, key);
    buffer.into()
}

/// Checks that `bytes` are an entry of `key` encoded by `codec`, and takes it apart.
///
/// What it allocates is bounded by the bytes that are there, and for a compressed payload by 255
/// times as many and by [`MAX_PAYLOAD`].
///
/// # Errors
/// What is wrong with them; the first that applies in the order magic, version, checksum, flags,
/// length, key, codec, compression.
pub fn open(bytes: Bytes, codec: u8, key: &StoreKey) -> Result<Envelope, Defect> {
    let frame = header::check(&bytes)?;
    let tags_len = TAG_LEN * frame.tags;
    if (bytes.len() - HEADER_LEN).checked_sub(tags_len) != Some(frame.payload_len) {
        return Err(Defect::Length);
    }
    let header = header::read(&bytes, codec, key)?;
    if !header.has_payload() && frame.payload_len > 0 {
        return Err(Defect::Length);
    }
    let (tags, _) = bytes[HEADER_LEN..][..tags_len].as_chunks();
    let tags = tags.iter().map(TagVersion::of_bytes).collect();
    let stored = bytes.slice(HEADER_LEN + tags_len..);
    let payload = if frame.compressed {
        lz4::decompress(&stored).ok_or(Defect::Compression)?.into()
    } else {
        stored
    };
    Ok(Envelope {
        header,
        tags,
        payload,
    })
}

impl TagVersion {
    fn to_bytes(self) -> [u8; TAG_LEN] {
        let [name, token] = [self.name, self.token].map(u128::from);
        (token << 64 | name).to_le_bytes()
    }

    fn of_bytes(bytes: &[u8; TAG_LEN]) -> Self {
        let (name, token) = bytes.split_at(TAG_LEN / 2);
        Self {
            name: header::number(name),
            token: header::number(token),
        }
    }
}
