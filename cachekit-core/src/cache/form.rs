//! The form that a value takes outside of the process: how it is encoded, and under which release
//! its entries lie.

use std::fmt;
use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::codec::{self, Codec, CodecError};
use crate::envelope;
use crate::schema::{Refusal, Shape};

/// The version of the envelope, in every key: a format that cannot be read is not even found.
const FORMAT: u8 = envelope::VERSION;

const _: () = assert!(codec::MAX_DECODED == envelope::MAX_PAYLOAD);

/// The form that values `V` take outside of the process. Every [`Codec`] is one for what serde can
/// write and read; [`Local`] is the one of values that stay.
#[diagnostic::on_unimplemented(
    message = "a value of type `{V}` cannot be stored as `{Self}`",
    label = "must implement `serde::Serialize` and `serde::Deserialize`",
    note = "derive both, or keep the value in this process in every deployment: `#[cached(local)]`",
    note = "what `codec` names must be a codec, such as `cachekit::codec::Bincode`"
)]
pub trait Form<V>: Send + Sync + 'static {
    /// Under which release entries of this form lie; `None` if they never leave the process.
    fn release(version: u32) -> Option<Release>;
    /// Why values of this type cannot take this form, whatever they hold.
    fn refusal() -> Option<&'static Refusal>;
    /// How many bytes the value is, about.
    ///
    /// # Errors
    /// If this value cannot take this form.
    fn measure(value: &V) -> Result<usize, CodecError>;
    /// Appends the value.
    ///
    /// # Errors
    /// If this value cannot take this form.
    fn encode(value: &V, out: &mut Vec<u8>) -> Result<(), CodecError>;
    /// The value again.
    ///
    /// # Errors
    /// If the bytes are not those of a `V`.
    fn decode(bytes: &[u8]) -> Result<V, CodecError>;
}

/// Values that stay in the process in every deployment.
#[derive(Clone, Copy, Debug)]
pub struct Local;

/// What keeps entries of different types apart: format, codec, schema and version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Release {
    /// The codec's number, as the envelope has it.
    pub(crate) codec: u8,
    letter: char,
    schema: u64,
}

impl Release {
    /// The release of entries in the codec `C`, of values of this schema, in this version of the
    /// function.
    #[must_use]
    pub fn new<C: Codec>(schema: &Shape, version: u32) -> Self {
        // Any odd multiplier spreads the version over all bits of the fingerprint.
        let version = u64::from(version).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let schema = schema.fingerprint() ^ version;
        Self {
            codec: C::ID,
            letter: C::LETTER,
            schema,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{FORMAT}{}{:016x}", self.letter, self.schema)
    }
}

fn shape<V: DeserializeOwned + 'static, C: Codec>() -> &'static Shape {
    Shape::of::<V>(C::POSITIONAL, C::HUMAN_READABLE)
}

fn write<V, C>(value: &V, out: impl io::Write) -> Result<(), CodecError>
where
    V: Serialize + DeserializeOwned + 'static,
    C: Codec,
{
    if C::POSITIONAL {
        C::encode(&shape::<V, C>().checked(value), out)
    } else {
        C::encode(value, out)
    }
}

#[diagnostic::do_not_recommend]
impl<V, C> Form<V> for C
where
    V: Serialize + DeserializeOwned + 'static,
    C: Codec,
{
    fn release(version: u32) -> Option<Release> {
        Some(Release::new::<C>(shape::<V, C>(), version))
    }

    fn refusal() -> Option<&'static Refusal> {
        shape::<V, C>().refusal()
    }

    fn measure(value: &V) -> Result<usize, CodecError> {
        let mut count = Count(0);
        write::<V, C>(value, &mut count)?;
        Ok(count.0)
    }

    fn encode(value: &V, out: &mut Vec<u8>) -> Result<(), CodecError> {
        write::<V, C>(value, out)
    }

    fn decode(bytes: &[u8]) -> Result<V, CodecError> {
        C::decode(bytes)
    }
}

impl<V> Form<V> for Local {
    fn release(_version: u32) -> Option<Release> {
        None
    }

    fn refusal() -> Option<&'static Refusal> {
        None
    }

    fn measure(_value: &V) -> Result<usize, CodecError> {
        Ok(0) // the heap of a value that cannot be walked is unknown
    }

    fn encode(_value: &V, _out: &mut Vec<u8>) -> Result<(), CodecError> {
        Ok(())
    }

    fn decode(_bytes: &[u8]) -> Result<V, CodecError> {
        Err(CodecError::Decode) // nothing was ever written
    }
}

/// Counts what is written to it.
struct Count(usize);

impl io::Write for &mut Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
