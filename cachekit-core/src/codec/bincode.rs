//! Bincode, the default.

use std::io;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use bincode::error::{DecodeError, EncodeError};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bound::{Bound, bounded};
use super::{Codec, CodecError, MAX_DECODED};

/// Bincode 2 with variable-length integers. Without the limit, the length of a string in 17
/// hostile bytes aborts the process.
const CONFIG: Configuration<LittleEndian, Varint, Limit<MAX_DECODED>> =
    bincode::config::standard().with_limit::<MAX_DECODED>();

/// The default codec: compact and positional.
///
/// The bytes hold values in the order of their fields and nothing else. What does not serialize
/// the fields that it deserializes (`skip_serializing_if`, `flatten`, untagged and internally
/// tagged enums) is refused by [`Shape`](crate::schema::Shape) before it comes here.
#[derive(Clone, Copy, Debug)]
pub struct Bincode;

impl Codec for Bincode {
    const ID: u8 = 1;
    const LETTER: char = 'b';
    const POSITIONAL: bool = true;
    const HUMAN_READABLE: bool = false;

    fn encode<T: Serialize + ?Sized>(value: &T, out: impl io::Write) -> Result<(), CodecError> {
        let mut out = Bound::new(out);
        let result = bincode::serde::encode_into_std_write(value, &mut out, CONFIG);
        out.close(result, text)
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        match bincode::serde::decode_from_slice(bounded(bytes)?, CONFIG) {
            Ok((value, consumed)) if consumed == bytes.len() => Ok(value),
            Ok(_) => Err(CodecError::Trailing),
            Err(DecodeError::LimitExceeded) => Err(CodecError::TooLarge),
            Err(_) => Err(CodecError::Decode),
        }
    }
}

/// The message alone: bincode's own `Display` wraps it in the name of a variant.
fn text(error: EncodeError) -> String {
    match error {
        EncodeError::OtherString(message) => message,
        EncodeError::Other(message) => message.to_owned(),
        other => other.to_string(),
    }
}
