//! Which reply fits a request.

use super::key_line::KeyLine;
use super::{Code, Malformed, Meta, Reply};

const OTHER: Malformed = Malformed("expected the reply to another command");

/// What the oldest request without a reply waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A reply to `mg`, `ms` or `md` that carries this opaque.
    Meta {
        /// What the request carried.
        opaque: u32,
    },
    /// Items under these keys.
    Values(KeyLine),
    /// `MN`
    Noop,
    /// A version.
    Version,
    /// Statistics.
    Stats,
}

impl Expected {
    /// The keys, where items are expected.
    pub(super) fn keys(&self) -> Option<&KeyLine> {
        match self {
            Self::Values(keys) => Some(keys),
            _ => None,
        }
    }

    /// Whether the order of replies is still certain after a server did not understand this
    /// request: it is where the request was one plain word or two.
    #[must_use]
    pub fn survives_refusal(&self) -> bool {
        matches!(self, Self::Version | Self::Stats)
    }

    /// Whether `reply` can be the one to this request.
    pub(super) fn check(&self, reply: &Reply) -> Result<(), Malformed> {
        match (self, reply) {
            (_, Reply::ServerError(_) | Reply::Refused(_))
            | (Self::Values(_), Reply::Values(_))
            | (Self::Noop, Reply::Noop)
            | (Self::Version, Reply::Version(_))
            | (Self::Stats, Reply::Stats(_)) => Ok(()),
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
