//! What is written.

use bytes::Bytes;

use super::arithmetic::{Arithmetic, Direction};
use super::dialect::Dialect;
use super::expected::Expected;
use super::exptime::Exptime;
use super::key::{Key, KeyPlace};
use super::key_line::KeyLine;
use super::reply::Over;
use super::write::{END, number};
use super::{classic, meta};
use crate::config::Credentials;

/// One command. Each is answered by exactly one [`Reply`](super::Reply), whose words are the same
/// in both dialects. Its key may be borrowed: it is needed until the command is encoded.
#[derive(Clone, Debug)]
pub enum Request<'a> {
    /// `mg`; `get`, `gat` or `touch`.
    Get(Get<'a>),
    /// `get` or `gets`.
    GetMany(GetMany),
    /// `ms`; `set`, `add`, `replace` or `cas`.
    Set(Set<'a>),
    /// `md`; `delete`.
    Delete(Delete<'a>),
    /// `ma`; `incr` or `decr`.
    Arithmetic(Arithmetic<'a>),
    /// `mn`, which is answered with `MN` and with nothing else; `version`.
    Noop,
    /// `version`
    Version,
    /// `stats`
    Stats(Statistics),
    /// `set` with a user and a password for a value: what a server with a file of users takes for
    /// the first command of a connection.
    Authenticate(Credentials),
}

/// What [`Request::Stats`] asks about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Statistics {
    /// The server as a whole: `stats`.
    #[default]
    General,
    /// What it was told when it was started: `stats settings`.
    Settings,
    /// Its items, by their size: `stats items`.
    Items,
    /// Its memory, by the size of items: `stats slabs`.
    Slabs,
}

/// Reads an item: `mg <key> …`. Its client flags and its CAS number come back with it: without the
/// number, a lead that the read was given could not be handed back.
#[derive(Clone, Debug)]
pub struct Get<'a> {
    /// Where.
    pub key: Key<'a>,
    /// Whether the value is wanted, or only what is known about it.
    pub value: bool,
    /// Whether the time left is wanted.
    pub left: bool,
    /// Whether this reader may be the one who computes.
    pub vivify: Option<Vivify>,
    /// Lets the item live for this long from now on. The time left in the reply is the one from
    /// before.
    pub touch: Option<Exptime>,
}

/// Reads many items: `get <key> …`, the classic form. A server counts it as one request, however
/// many keys it has, and answers it in one write; as many `mg` cost it twice the time.
#[derive(Clone, Debug)]
pub struct GetMany {
    /// Where: at least one.
    pub keys: KeyLine,
    /// Whether CAS numbers are wanted.
    pub cas: bool,
}

/// Makes a read that finds nothing leave an empty item behind, and tells its reader (`W`) from
/// every later one (`Z`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vivify {
    /// How long the empty item lives.
    pub hold: Exptime,
    /// One reader of an item with less than this left is told `W` as well.
    pub early: Option<Exptime>,
}

/// Writes an item: `ms <key> <length> …`.
#[derive(Clone, Debug)]
pub struct Set<'a> {
    /// Where.
    pub key: Key<'a>,
    /// What.
    pub value: Bytes,
    /// For how long.
    pub exptime: Exptime,
    /// What other clients use for the type of the value.
    pub client_flags: u32,
    /// Only over the item with this CAS number: else `EX`, or `NF` where there is no item.
    pub cas: Option<u64>,
    /// Over what.
    pub mode: Mode,
}

/// What a [`Set`] may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Whatever is there.
    Set,
    /// Nothing: else `NS`.
    Add,
    /// An item: `NS` where there is none.
    Replace,
    /// Nothing: the value goes to the end of an item, whose time left and client flags stay as
    /// they are. `NS` where there is none.
    Append,
}

/// Deletes an item, or marks it as stale: `md <key> …`.
#[derive(Clone, Debug)]
pub struct Delete<'a> {
    /// Where.
    pub key: Key<'a>,
    /// Only the item with this CAS number: else `EX`, or `NF` where there is no item.
    pub cas: Option<u64>,
    /// Marks it as stale and gives it a new CAS number instead. Its time left stays as it is,
    /// and the next reader is told `W`. Classic servers have no marks: there it is deleted.
    pub stale: bool,
}

impl<'a> Request<'a> {
    /// Ends the lead over the item of `key` with the number `cas`, over which it is `over`: the
    /// next reader leads.
    #[must_use]
    pub fn end_lead(key: Key<'a>, cas: u64, over: Over) -> Self {
        let cas = Some(cas);
        match over {
            Over::Stub | Over::Stale => Self::Delete(Delete {
                key,
                cas,
                stale: over == Over::Stale,
            }),
            // To append nothing makes another item of it, with the same value and the same time
            // left. To mark it would make it stale.
            Over::Fresh => Self::Set(Set {
                key,
                value: Bytes::new(),
                exptime: Exptime::MAX,
                client_flags: 0,
                cas,
                mode: Mode::Append,
            }),
        }
    }
}

impl Request<'_> {
    /// Appends the command to `out`. Meta commands carry `opaque`, and their replies give it back.
    pub fn encode(&self, dialect: Dialect, opaque: u32, out: &mut Vec<u8>) {
        self.encode_head(dialect, opaque, out);
        if let Some(value) = self.value() {
            out.extend_from_slice(value);
            out.extend_from_slice(END);
        }
    }

    /// [`encode`](Self::encode) without the [`value`](Self::value), which follows with a line end.
    ///
    /// What a dialect [does not have](Self::lacking) is written in the nearest form that it has.
    pub fn encode_head(&self, dialect: Dialect, opaque: u32, out: &mut Vec<u8>) {
        match self {
            Self::GetMany(get) => {
                out.extend_from_slice(if get.cas { b"gets" } else { b"get" });
                out.extend_from_slice(get.keys.as_bytes());
                out.extend_from_slice(END);
            }
            Self::Version => out.extend_from_slice(b"version\r\n"),
            Self::Stats(what) => out.extend_from_slice(what.command()),
            Self::Authenticate(credentials) => authenticate(credentials, out),
            _ => match dialect {
                Dialect::Meta => meta::encode_head(self, opaque, out),
                Dialect::Classic => classic::encode_head(self, out),
            },
        }
    }

    /// The word of memcached's classic protocol for it, whatever the dialect.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::Get(get) => match (get.touch, get.value) {
                (None, _) => "get",
                (Some(_), true) => "gat",
                (Some(_), false) => "touch",
            },
            Self::GetMany(_) => "get",
            Self::Set(set) => match (set.cas, set.mode) {
                (Some(_), _) => "cas",
                (None, Mode::Set) => "set",
                (None, Mode::Add) => "add",
                (None, Mode::Replace) => "replace",
                (None, Mode::Append) => "append",
            },
            Self::Delete(_) => "delete",
            Self::Arithmetic(arithmetic) => match arithmetic.direction {
                Direction::Up => "incr",
                Direction::Down => "decr",
            },
            Self::Noop => "noop",
            Self::Version => "version",
            Self::Stats(_) => "stats",
            Self::Authenticate(_) => "auth",
        }
    }

    /// The value that is written.
    #[must_use]
    pub const fn value(&self) -> Option<&Bytes> {
        match self {
            Self::Set(set) => Some(&set.value),
            _ => None,
        }
    }

    /// What its reply has to be. The keys of a [`GetMany`] move there: it is to be written before.
    #[must_use]
    pub fn expected(&mut self, dialect: Dialect, opaque: u32) -> Expected {
        match (self, dialect) {
            (Self::GetMany(get), _) => Expected::Values(Box::new(std::mem::take(&mut get.keys))),
            (Self::Version, _) | (Self::Noop, Dialect::Classic) => Expected::Version,
            (Self::Stats(_), _) => Expected::Stats,
            (Self::Authenticate(_), _) => Expected::Admission,
            (Self::Noop, Dialect::Meta) => Expected::Noop,
            (_, Dialect::Meta) => Expected::Meta { opaque },
            (request, Dialect::Classic) => classic::expected(request),
        }
    }

    /// Where the key is, if the reply may give a lead over it.
    #[must_use]
    pub fn key_of_read(&self, dialect: Dialect) -> Option<KeyPlace> {
        match (self, dialect) {
            (Self::Get(get), Dialect::Meta) => Some(KeyPlace::of(&get.key, meta::KEY_OF_READ)),
            _ => None,
        }
    }

    /// What of this request `dialect` does not have. `None`: it has it all.
    #[must_use]
    pub fn lacking(&self, dialect: Dialect) -> Option<&'static str> {
        match dialect {
            Dialect::Meta => None,
            Dialect::Classic => classic::lacking(self),
        }
    }

    /// Whether it changes what is stored, so that without a reply nobody knows what is.
    #[must_use]
    pub const fn changes(&self) -> bool {
        match self {
            Self::Get(get) => get.touch.is_some(),
            Self::Set(_) | Self::Delete(_) | Self::Arithmetic(_) => true,
            _ => false,
        }
    }

    /// Whether to take effect twice is no different from once.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::Set(set) => set.cas.is_none() && set.mode == Mode::Set,
            Self::Delete(delete) => delete.cas.is_none(),
            Self::Arithmetic(_) => false,
            _ => true,
        }
    }

    /// About how many bytes [`encode`](Self::encode) appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        /// Command, flags and line ends.
        const FRAME: usize = 96;
        let key = match self {
            Self::Get(get) => get.key.as_bytes(),
            Self::GetMany(get) => get.keys.as_bytes(),
            Self::Set(set) => set.key.as_bytes(),
            Self::Delete(delete) => delete.key.as_bytes(),
            Self::Arithmetic(arithmetic) => arithmetic.key.as_bytes(),
            Self::Authenticate(who) => {
                return FRAME + who.username().len() + who.password().len();
            }
            Self::Noop | Self::Version | Self::Stats(_) => &[],
        };
        FRAME + key.len() + self.value().map_or(0, Bytes::len)
    }
}

impl Statistics {
    const fn command(self) -> &'static [u8] {
        match self {
            Self::General => b"stats\r\n",
            Self::Settings => b"stats settings\r\n",
            Self::Items => b"stats items\r\n",
            Self::Slabs => b"stats slabs\r\n",
        }
    }
}

/// Key, client flags and ttl mean nothing where this is asked for. Where it is not, it is a plain
/// `set`: the key is one that nobody else uses, and a ttl of -1 lets what it stores be gone at
/// once, so that the password is not to be read there.
fn authenticate(credentials: &Credentials, out: &mut Vec<u8>) {
    let (username, password) = (credentials.username(), credentials.password());
    let length = username.len() + 1 + password.len();
    number(out, "set cachekit:credentials 0 -1 ", length as u64);
    for part in [END, username.as_bytes(), b" ", password.as_bytes(), END] {
        out.extend_from_slice(part);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_we_are_is_written_alike_in_both_dialects() {
        let credentials = Credentials::new("user", "pass:word").unwrap();
        for dialect in [Dialect::Meta, Dialect::Classic] {
            let mut out = Vec::new();
            Request::Authenticate(credentials.clone()).encode(dialect, 1, &mut out);
            assert_eq!(
                out,
                b"set cachekit:credentials 0 -1 14\r\nuser pass:word\r\n"
            );
        }
    }
}
