//! JSON, for reading entries by eye.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::bound::{Bound, bounded};
use super::{Codec, CodecError};

/// Self-describing text.
///
/// Maps must have keys that are strings, numbers or the like. A float that is no number is
/// written as `null`: it fails to decode, and as an `Option` it comes back as `None`. An option
/// around something that is itself written as `null` (`Option<Option<T>>`, `Option<()>`) is
/// refused by [`Shape`](crate::schema::Shape).
#[derive(Clone, Copy, Debug)]
pub struct Json;

impl Codec for Json {
    const ID: u8 = 3;
    const LETTER: char = 'j';
    const POSITIONAL: bool = false;
    const HUMAN_READABLE: bool = true;

    fn encode<T: Serialize + ?Sized>(value: &T, out: impl io::Write) -> Result<(), CodecError> {
        let mut out = Bound::new(out);
        let result = serde_json::to_writer(&mut out, value);
        out.close(result, |error| error.to_string())
    }

    fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
        let mut deserializer = serde_json::Deserializer::from_slice(bounded(bytes)?);
        let value = T::deserialize(&mut deserializer).map_err(|_| CodecError::Decode)?;
        deserializer.end().map_err(|_| CodecError::Trailing)?;
        Ok(value)
    }
}
