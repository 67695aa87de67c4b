//! Types that a codec cannot carry.

use std::fmt;

/// Where in a type something is: the struct or enum, and its field or variant, by their names in
/// serde.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    pub(super) owner: &'static str,
    pub(super) member: &'static str,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.owner, self.member) {
            ("", _) => f.write_str("the type"),
            (owner, "") => write!(f, "`{owner}`"),
            (owner, member) => write!(f, "`{owner}.{member}`"),
        }
    }
}

/// Why a type cannot be carried, and which codec to use instead. `Display` says both.
#[derive(Clone, Copy, Debug)]
pub struct Refusal {
    place: Place,
    reason: Reason,
}

/// What is in the way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    Any,
    Identifier,
    Ignored,
    Flatten,
    Varying,
    Untraceable,
    Panicked,
    NamesOnly,
    Alias,
    NoBytes,
    NestedOption,
}

impl Refusal {
    pub(super) fn new(place: Place, reason: Reason) -> Self {
        Self { place, reason }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.reason {
            Reason::Any => {
                "asks for any value there is (an untagged or internally tagged enum, a type like \
                 serde_json::Value); bytes without names cannot tell which: use MessagePack"
            }
            Reason::Identifier => {
                "asks for a name; a positional codec writes no names: use MessagePack"
            }
            Reason::Ignored => {
                "skips a value; a positional codec cannot tell where it ends: use MessagePack"
            }
            Reason::Flatten => {
                "has a field with #[serde(flatten)], which needs names: use MessagePack"
            }
            Reason::Varying => {
                "is read as one type here and as another there (an adjacently tagged enum, a \
                 Deserialize that looks at values); its shape cannot be told: use MessagePack"
            }
            Reason::Untraceable => {
                "checks its values, and no sample passes, so that what comes after it stays \
                 unknown: use MessagePack, or put it into a struct with named fields"
            }
            Reason::Panicked => {
                "panics over a sample, so that its shape cannot be told: use MessagePack"
            }
            Reason::NamesOnly => {
                "is read by the names of its fields only, which a positional codec does not write: \
                 use MessagePack"
            }
            Reason::Alias => {
                "has a variant that its index does not tell, as with #[serde(alias)]: use \
                 MessagePack"
            }
            Reason::NoBytes => {
                "holds a sequence of elements that take no bytes, so that nothing bounds its \
                 length: use MessagePack"
            }
            Reason::NestedOption => {
                "holds an option around an option or a unit; this format writes Some(None) as it \
                 writes None: use bincode"
            }
        };
        write!(f, "{} {what}", self.place)
    }
}

impl std::error::Error for Refusal {}
