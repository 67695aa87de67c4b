//! MessagePack with the names of fields.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bound::{Bound, bounded};
use super::{Codec, CodecError, MAX_DEPTH};

/// Self-describing: structs are maps from field names, variants go by name.
///
/// It carries every type of serde but one kind: an option around something that is itself written
/// as nothing (`Option<Option<T>>`, `Option<()>`) comes back as `None`.
/// [`Shape`](crate::schema::Shape) refuses it.
#[derive(Clone, Copy, Debug)]
pub struct MessagePack;

impl Codec for MessagePack {
    const ID: u8 = 2;
    const LETTER: char = 'm';
    const POSITIONAL: bool = false;
    const HUMAN_READABLE: bool = false;

    fn encode<T: Serialize + ?Sized>(value: &T, out: impl io::Write) -> Result<(), CodecError> {
        let mut out = Bound::new(out);
        let result = rmp_serde::encode::write_named(&mut out, value);
        out.close(result, |error| error.to_string())
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let mut deserializer = rmp_serde::Deserializer::new(io::Cursor::new(bounded(bytes)?));
        deserializer.set_max_depth(MAX_DEPTH);
        let value = T::deserialize(&mut deserializer).map_err(|_| CodecError::Decode)?;
        if deserializer.position() == bytes.len() as u64 {
            Ok(value)
        } else {
            Err(CodecError::Trailing)
        }
    }
}
