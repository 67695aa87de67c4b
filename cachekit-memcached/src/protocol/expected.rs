//! Which reply fits a request.

use bytes::Bytes;

use super::key_line::KeyLine;
use super::{Code, Item, Malformed, Meta, Reply};

const OTHER: Malformed = Malformed("expected the reply to another command");

/// What the oldest request without a reply waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A reply to `mg`, `ms`, `md` or `ma` that carries this opaque.
    Meta {
        /// What the request carried.
        opaque: u32,
    },
    /// Items under these keys.
    Values(Box<KeyLine>),
    /// An item under the one key that is there, told in the words of the meta commands.
    Item(Box<KeyLine>),
    /// One of these words alone.
    Word(Words),
    /// A number alone, or that there is no item.
    Number,
    /// `STORED`, to who we are.
    Admission,
    /// `MN`
    Noop,
    /// A version.
    Version,
    /// Statistics.
    Stats,
}

/// Words, and what they mean.
pub type Words = &'static [(&'static str, Code)];

impl Expected {
    /// The keys, where items are expected.
    pub(super) fn key_line(&self) -> Option<&KeyLine> {
        match self {
            Self::Values(keys) | Self::Item(keys) => Some(keys),
            _ => None,
        }
    }

    /// The keys of the items that are expected.
    pub fn keys(&self) -> impl Iterator<Item = &[u8]> {
        self.key_line().into_iter().flat_map(KeyLine::iter)
    }

    /// Whether the order of replies is still certain after a server did not understand this
    /// request: it is where the request was one plain word or two.
    #[must_use]
    pub fn survives_refusal(&self) -> bool {
        matches!(self, Self::Noop | Self::Version | Self::Stats)
    }

    /// What a classic server means by `word`, if it is one that fits.
    pub(super) fn word(&self, word: &[u8]) -> Option<Meta> {
        match self {
            Self::Word(words) => {
                let (_, code) = words.iter().find(|(fits, _)| fits.as_bytes() == word)?;
                Some(Meta::of(*code))
            }
            Self::Admission if word == b"STORED" => Some(Meta::of(Code::Done)),
            Self::Number if word == b"NOT_FOUND" => Some(Meta::of(Code::NotFound)),
            Self::Number if word.first()?.is_ascii_digit() => Some(Meta {
                value: Some(Bytes::copy_from_slice(word)),
                ..Meta::of(Code::Value)
            }),
            _ => None,
        }
    }

    /// The reply that these items are.
    pub(super) fn items(&self, mut items: Vec<Option<Item>>) -> Reply {
        match (self, items.pop()) {
            (Self::Item(_), None | Some(None)) => Reply::from(Meta::of(Code::Miss)),
            (Self::Item(_), Some(Some(item))) => Reply::from(Meta {
                value: Some(item.value),
                client_flags: Some(item.client_flags),
                cas: item.cas,
                ..Meta::of(Code::Value)
            }),
            (_, last) => {
                items.extend(last);
                Reply::Values(items)
            }
        }
    }

    /// Whether `reply` can be the one to this request.
    pub(super) fn check(&self, reply: &Reply) -> Result<(), Malformed> {
        match (self, reply) {
            (_, Reply::ServerError(_) | Reply::Refused(_))
            | (Self::Values(_), Reply::Values(_))
            | (Self::Noop, Reply::Noop)
            | (Self::Version, Reply::Version(_))
            | (Self::Stats, Reply::Stats(_))
            | (Self::Item(_) | Self::Word(_) | Self::Number, Reply::Meta(_))
            | (Self::Admission, Reply::Meta(_)) => Ok(()),
            (_, Reply::Meta(meta)) => self.check_meta(meta),
            _ => Err(OTHER),
        }
    }

    /// Whether `meta` can be the one to this request.
    pub(super) fn check_meta(&self, meta: &Meta) -> Result<(), Malformed> {
        let Self::Meta { opaque } = self else {
            return Err(OTHER);
        };
        match meta.opaque {
            Some(theirs) if theirs == *opaque => Ok(()),
            Some(_) => Err(Malformed("expected another opaque")),
            // Before 1.6.18 a miss does not carry it.
            None if meta.code == Code::Miss => Ok(()),
            None => Err(Malformed("expected an opaque")),
        }
    }
}
