//! What is read.

use bytes::Bytes;

use super::line::{number, words};

/// The answer to one [`Request`](super::Request).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To `mg`, `ms`, `md` and `ma`, and in the same words to the classic commands. Boxed, because
    /// replies are moved from hand to hand.
    Meta(Box<Meta>),
    /// To a [`GetMany`](super::GetMany): an item or none for each of its keys, in their order.
    Values(Vec<Option<Item>>),
    /// `MN`, to `mn`.
    Noop,
    /// To `version`: the text after the word.
    Version(String),
    /// To `stats`: names and values.
    Stats(Vec<(String, String)>),
    /// `SERVER_ERROR`: understood, and not done.
    ServerError(String),
    /// `ERROR` or `CLIENT_ERROR`: not understood.
    Refused(String),
}

/// The answer to a meta command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// Its first two letters.
    pub code: Code,
    /// The value, of a `VA`.
    pub value: Option<Bytes>,
    /// `O`: what the request carried. Servers before 1.6.18 leave it out of an `EN`.
    pub opaque: Option<u32>,
    /// `c`: the CAS number of the item.
    pub cas: Option<u64>,
    /// `t`: seconds left; -1 for an item that stays.
    pub left: Option<i64>,
    /// `f`: client flags.
    pub client_flags: Option<u32>,
    /// `s`: length of the value.
    pub size: Option<usize>,
    /// `W`: this reader is to compute.
    pub won: bool,
    /// `Z`: another reader was told to compute.
    pub taken: bool,
    /// `X`: marked as stale.
    pub stale: bool,
}

/// What somebody leads over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    /// Nothing: a stub stands in its place.
    Stub,
    /// An item that is marked as stale.
    Stale,
    /// A fresh item with little time left.
    Fresh,
}

/// What a [`GetMany`](super::GetMany) finds under one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The value.
    pub value: Bytes,
    /// Client flags.
    pub client_flags: u32,
    /// The CAS number, where it was asked for.
    pub cas: Option<u64>,
}

/// The first word of a [`Meta`] reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// `HD`: done.
    Done,
    /// `VA`: a value follows.
    Value,
    /// `EN`: nothing there, to a read.
    Miss,
    /// `NF`: nothing there, to a write.
    NotFound,
    /// `NS`: not stored.
    NotStored,
    /// `EX`: another CAS number.
    Exists,
}

/// Bytes that are no reply. Says what was expected, never what was there: it may be a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed reply: {0}")]
pub struct Malformed(pub(crate) &'static str);

/// Room for a reply: a miss that tells nothing.
impl Default for Meta {
    fn default() -> Self {
        Self::of(Code::Miss)
    }
}

impl From<Meta> for Reply {
    fn from(meta: Meta) -> Self {
        Self::Meta(Box::new(meta))
    }
}

impl Meta {
    /// Whether the item is one that a [`Vivify`](super::Vivify) left behind, with no value yet:
    /// empty, without client flags, and its lead given to someone.
    #[must_use]
    pub fn is_stub(&self) -> bool {
        let size = self.value.as_ref().map(Bytes::len).or(self.size);
        let led = self.won || self.taken || self.stale;
        size == Some(0) && self.client_flags == Some(0) && led
    }

    /// What the lead is over that this reply tells of.
    #[must_use]
    pub fn over(&self) -> Over {
        match (self.is_stub(), self.stale) {
            (true, _) => Over::Stub,
            (false, true) => Over::Stale,
            (false, false) => Over::Fresh,
        }
    }

    /// A reply of `code` that tells nothing else.
    pub(super) const fn of(code: Code) -> Self {
        Self {
            code,
            value: None,
            opaque: None,
            cas: None,
            left: None,
            client_flags: None,
            size: None,
            won: false,
            taken: false,
            stale: false,
        }
    }

    /// Takes in the flags of a reply.
    pub(super) fn parse(&mut self, flags: &[u8]) -> Result<(), Malformed> {
        for flag in words(flags) {
            let token = &flag[1..];
            match flag[0] {
                b'O' => self.opaque = Some(number(token)?),
                b'c' => self.cas = Some(number(token)?),
                b't' => self.left = Some(left(token)?),
                b'f' => self.client_flags = Some(number(token)?),
                b's' => self.size = Some(number(token)?),
                b'W' => self.won = true,
                b'Z' => self.taken = true,
                b'X' => self.stale = true,
                _ => {}
            }
        }
        Ok(())
    }
}

fn left(token: &[u8]) -> Result<i64, Malformed> {
    match token {
        b"-1" => Ok(-1),
        seconds => number(seconds),
    }
}
