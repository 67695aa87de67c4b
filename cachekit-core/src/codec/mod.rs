//! Codecs: from a value to bytes and back.
//!
//! [`Bincode`] is the default. It is the smallest and the fastest, and it is positional: the bytes
//! hold no field names, so that they mean something only together with the shape of the type
//! ([`Shape`](crate::schema::Shape)). `MessagePack` and `Json` (behind the features of these names) write the names.
//!
//! Decoding is for bytes that may be anything. It reads at most [`MAX_DECODED`] bytes, refuses
//! what is left over, and never panics. One thing no limit here covers: a *recursive* type decodes
//! on the stack, one frame and more a level. MessagePack and JSON stop at a depth of
//! [`MAX_DEPTH`]; bincode has no such stop, and neither has MessagePack where the levels are
//! options and newtypes, which cost it no byte of nesting. Entries carry a checksum, so that only
//! someone who may write to the store can build such bytes.

mod bincode;
mod bound;
#[cfg(feature = "json")]
mod json;
#[cfg(feature = "messagepack")]
mod messagepack;

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub use self::bincode::Bincode;
#[cfg(feature = "json")]
pub use self::json::Json;
#[cfg(feature = "messagepack")]
pub use self::messagepack::MessagePack;

/// The most bytes that a value may have, encoded: 64 MiB. Bincode counts numbers with their size
/// in memory, 8 bytes for a `u64` that takes one.
pub const MAX_DECODED: usize = 64 << 20;

/// How deep MessagePack and JSON may nest arrays and maps.
pub const MAX_DEPTH: usize = 128;

/// From a value to bytes and back.
///
/// A codec is a type without values: the constants are part of the key and of the envelope of
/// each entry.
pub trait Codec: Send + Sync + 'static {
    /// The codec in the envelope. 1 to 127 are given out here; 128 to 255 are for others.
    const ID: u8;
    /// The codec in the key: one letter or digit.
    const LETTER: char;
    /// Whether the bytes hold no names, so that only the shape of the type tells what they mean.
    const POSITIONAL: bool;
    /// What `is_human_readable` of its serializer and its deserializer says.
    const HUMAN_READABLE: bool;

    /// Appends the bytes of `value` to `out`. After an error `out` holds a part of them.
    ///
    /// # Errors
    /// [`CodecError::Encode`] if the value's `Serialize` fails, asks for something that the format
    /// has not, or `out` fails; [`CodecError::TooLarge`] beyond [`MAX_DECODED`].
    fn encode<T: Serialize + ?Sized>(value: &T, out: impl io::Write) -> Result<(), CodecError>;

    /// The value whose bytes are exactly `bytes`.
    ///
    /// # Errors
    /// [`CodecError::Decode`] if they are not a value of this type, [`CodecError::Trailing`] if
    /// they are more than one, [`CodecError::TooLarge`] beyond [`MAX_DECODED`].
    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError>;
}

/// Why a value has no bytes, or bytes have no value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CodecError {
    /// The value cannot be encoded. The text is what its `Serialize`, or the format, says of it.
    #[error("the value cannot be encoded: {0}")]
    Encode(String),
    /// The bytes are no value of this type. Why is not told: what formats say quotes the value.
    #[error("the bytes are no value of this type")]
    Decode,
    /// There is a value, and then there are more bytes.
    #[error("bytes are left over after the value")]
    Trailing,
    /// Larger than [`MAX_DECODED`].
    #[error("the value is larger than {MAX_DECODED} bytes")]
    TooLarge,
}
