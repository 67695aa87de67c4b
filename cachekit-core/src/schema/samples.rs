//! Values to offer where a type asks for a leaf.
//!
//! A leaf that checks its value (a date, an address, a number that is not zero) is offered one
//! after the other until it is content.

/// The leaves of serde's data model. Owned and borrowed forms are one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    Unit,
    Bool,
    I8,
    I16,
    I32,
    I64,
    I128,
    U8,
    U16,
    U32,
    U64,
    U128,
    F32,
    F64,
    Char,
    Str,
    Bytes,
    Any,
    Identifier,
    Ignored,
}

pub(super) const INTEGERS: &[i8] = &[1, 0, 2, 3, 4, 7, 10, 16, 32, 64, 100, 127];
pub(super) const FLOATS: &[f32] = &[1.0, 0.0, 0.5, 2.0, 10.0, 100.0];
pub(super) const BOOLS: &[bool] = &[false, true];
pub(super) const CHARS: &[char] = &['a', 'A', '0', '-'];
pub(super) const STRINGS: &[&str] = &[
    "a",
    "",
    "1",
    "0",
    "A",
    "true",
    "1970-01-01T00:00:00Z",
    "1970-01-01T00:00:00",
    "1970-01-01T00:00:00+00:00[UTC]",
    "1970-01-01",
    "00:00:00",
    "00000000-0000-0000-0000-000000000000",
    "127.0.0.1",
    "::1",
    "127.0.0.1:80",
    "[::1]:80",
    "127.0.0.0/8",
    "00:00:00:00:00:00",
    "http://a.b/",
    "a@b.co",
    "1.0.0",
    "1.0",
    "UTC",
    "+00:00",
    "PT1S",
    "1s",
    "en",
    "EUR",
    "#000000",
    "text/plain",
    "00000000",
    "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "0000000000000000000000000000000000000000000000000000000000000000",
];
/// By length; their bytes are zero.
pub(super) const BYTES: &[&[u8]] = &[
    &[0],
    &[],
    &[0; 16],
    &[0; 32],
    &[0; 20],
    &[0; 12],
    &[0; 8],
    &[0; 4],
    &[0; 6],
    &[0; 24],
    &[0; 64],
];

impl Leaf {
    /// How many samples there are.
    pub(super) const fn samples(self) -> usize {
        match self {
            Self::Unit | Self::Ignored => 1,
            Self::Bool => BOOLS.len(),
            Self::F32 | Self::F64 => FLOATS.len(),
            Self::Char => CHARS.len(),
            Self::Str | Self::Identifier => STRINGS.len(),
            Self::Bytes => BYTES.len(),
            Self::Any => 4,
            _ => INTEGERS.len(),
        }
    }

    /// The name in the canonical text, and in messages. Never changed: it is in fingerprints.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::I128 => "i128",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::U128 => "u128",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Char => "char",
            Self::Str => "str",
            Self::Bytes => "bytes",
            Self::Any => "any",
            Self::Identifier => "identifier",
            Self::Ignored => "ignored",
        }
    }
}
