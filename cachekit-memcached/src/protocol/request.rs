//! What is written.

use bytes::Bytes;

use super::expected::Expected;
use super::exptime::Exptime;
use super::key::Key;
use super::key_line::KeyLine;

/// What ends a line and a value.
const END: &[u8] = b"\r\n";

/// One command. Each is answered by exactly one [`Reply`](super::Reply).
#[derive(Clone, Debug)]
pub enum Request {
    /// `mg`
    Get(Get),
    /// `get` or `gets`
    GetMany(GetMany),
    /// `ms`
    Set(Set),
    /// `md`
    Delete(Delete),
    /// `mn`: answered with `MN`, and with nothing else.
    Noop,
    /// `version`
    Version,
    /// `stats`
    Stats,
    /// `stats settings`
    StatsSettings,
}

/// Reads an item: `mg <key> …`. Its client flags and its CAS number come back with it: without the
/// number, a lead that the read was given could not be handed back.
#[derive(Clone, Debug)]
pub struct Get {
    /// Where.
    pub key: Key,
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
pub struct Set {
    /// Where.
    pub key: Key,
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
}

/// Deletes an item, or marks it as stale: `md <key> …`.
#[derive(Clone, Debug)]
pub struct Delete {
    /// Where.
    pub key: Key,
    /// Only the item with this CAS number: else `EX`, or `NF` where there is no item.
    pub cas: Option<u64>,
    /// Marks it as stale and gives it a new CAS number instead. Its time left stays as it is,
    /// and the next reader is told `W`.
    pub stale: bool,
}

impl Request {
    /// Appends the command to `out`. Meta commands carry `opaque`, and their replies give it back.
    pub fn encode(&self, opaque: u32, out: &mut Vec<u8>) {
        self.encode_head(opaque, out);
        if let Some(value) = self.value() {
            out.extend_from_slice(value);
            out.extend_from_slice(END);
        }
    }

    /// [`encode`](Self::encode) without the [`value`](Self::value), which follows with a line end.
    pub fn encode_head(&self, opaque: u32, out: &mut Vec<u8>) {
        match self {
            Self::Get(get) => get.encode(opaque, out),
            Self::GetMany(get) => get.encode(out),
            Self::Set(set) => set.encode_head(opaque, out),
            Self::Delete(delete) => delete.encode(opaque, out),
            Self::Noop => out.extend_from_slice(b"mn\r\n"),
            Self::Version => out.extend_from_slice(b"version\r\n"),
            Self::Stats => out.extend_from_slice(b"stats\r\n"),
            Self::StatsSettings => out.extend_from_slice(b"stats settings\r\n"),
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

    /// What its reply has to be.
    #[must_use]
    pub fn expected(self, opaque: u32) -> Expected {
        match self {
            Self::Get(_) | Self::Set(_) | Self::Delete(_) => Expected::Meta { opaque },
            Self::GetMany(get) => Expected::Values(get.keys),
            Self::Noop => Expected::Noop,
            Self::Version => Expected::Version,
            Self::Stats | Self::StatsSettings => Expected::Stats,
        }
    }

    /// About how many bytes [`encode`](Self::encode) appends.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        /// Command, flags and line ends.
        const FRAME: usize = 64;
        match self {
            Self::Get(get) => FRAME + get.key.as_bytes().len(),
            Self::GetMany(get) => FRAME + get.keys.as_bytes().len(),
            Self::Set(set) => FRAME + set.key.as_bytes().len() + set.value.len(),
            Self::Delete(delete) => FRAME + delete.key.as_bytes().len(),
            Self::Noop | Self::Version | Self::Stats | Self::StatsSettings => FRAME,
        }
    }

    /// Whether it changes what the server holds. To touch an item changes only its time.
    #[must_use]
    pub fn changes(&self) -> bool {
        matches!(self, Self::Set(_) | Self::Delete(_))
    }

    /// Whether to take effect twice is no different from once.
    #[must_use]
    pub fn is_idempotent(&self) -> bool {
        match self {
            Self::Set(set) => set.cas.is_none() && set.mode == Mode::Set,
            Self::Delete(delete) => delete.cas.is_none(),
            Self::Get(_)
            | Self::GetMany(_)
            | Self::Noop
            | Self::Version
            | Self::Stats
            | Self::StatsSettings => true,
        }
    }

    /// Whether this is a meta command, whose reply carries the opaque.
    #[must_use]
    pub fn is_meta(&self) -> bool {
        matches!(self, Self::Get(_) | Self::Set(_) | Self::Delete(_))
    }
}

impl GetMany {
    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.cas { b"gets" } else { b"get" });
        out.extend_from_slice(self.keys.as_bytes());
        out.extend_from_slice(END);
    }
}

impl Get {
    fn encode(&self, opaque: u32, out: &mut Vec<u8>) {
        begin(out, "mg", &self.key);
        // The server works through the flags in order: `t` after `N` tells the time left of the
        // item that `N` made, and `t` before `T` the one from before the touch.
        if let Some(vivify) = self.vivify {
            number(out, " N", vivify.hold.seconds());
            if let Some(early) = vivify.early {
                number(out, " R", early.seconds());
            }
        }
        out.extend_from_slice(if self.left { b" t c f" } else { b" c f" });
        out.extend_from_slice(if self.value { b" v" } else { b" s" });
        if let Some(touch) = self.touch {
            number(out, " T", touch.seconds());
        }
        end(out, opaque);
    }
}

impl Set {
    fn encode_head(&self, opaque: u32, out: &mut Vec<u8>) {
        begin(out, "ms", &self.key);
        number(out, " ", self.value.len() as u64);
        number(out, " T", self.exptime.seconds());
        if self.client_flags != 0 {
            number(out, " F", self.client_flags);
        }
        if let Some(cas) = self.cas {
            number(out, " C", cas);
        }
        match self.mode {
            Mode::Set => {}
            Mode::Add => out.extend_from_slice(b" ME"),
            Mode::Replace => out.extend_from_slice(b" MR"),
        }
        end(out, opaque);
    }
}

impl Delete {
    fn encode(&self, opaque: u32, out: &mut Vec<u8>) {
        begin(out, "md", &self.key);
        if self.stale {
            out.extend_from_slice(b" I");
        }
        if let Some(cas) = self.cas {
            number(out, " C", cas);
        }
        end(out, opaque);
    }
}

fn begin(out: &mut Vec<u8>, command: &str, key: &Key) {
    out.extend_from_slice(command.as_bytes());
    out.push(b' ');
    out.extend_from_slice(key.as_bytes());
}

/// Appends `flag` and the digits of `number`.
fn number(out: &mut Vec<u8>, flag: &str, number: impl Into<u64>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    let mut rest = number.into();
    loop {
        first -= 1;
        digits[first] = b"0123456789"[(rest % 10) as usize];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend_from_slice(flag.as_bytes());
    out.extend_from_slice(&digits[first..]);
}

fn end(out: &mut Vec<u8>, opaque: u32) {
    number(out, " O", opaque);
    out.extend_from_slice(END);
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn encoded(request: &Request) -> String {
        let mut out = Vec::new();
        request.encode(7, &mut out);
        assert!(out.len() <= request.encoded_len());
        String::from_utf8(out).unwrap()
    }

    fn key() -> Key {
        Key::new(b"k").unwrap()
    }

    fn seconds(seconds: u64) -> Exptime {
        Exptime::of(Duration::from_secs(seconds))
    }

    #[test]
    fn a_plain_read_asks_for_everything_and_takes_nothing() {
        let get = Get {
            key: key(),
            value: true,
            left: true,
            vivify: None,
            touch: None,
        };
        assert_eq!(encoded(&Request::Get(get)), "mg k t c f v O7\r\n");
    }

    #[test]
    fn a_leading_read_vivifies_before_it_asks_for_the_time_left() {
        let vivify = Some(Vivify {
            hold: seconds(10),
            early: Some(seconds(3)),
        });
        let get = Get {
            key: key(),
            value: true,
            left: true,
            vivify,
            touch: None,
        };
        assert_eq!(encoded(&Request::Get(get)), "mg k N10 R3 t c f v O7\r\n");
    }

    #[test]
    fn a_touch_asks_for_the_time_left_before_it() {
        let get = Get {
            key: key(),
            value: false,
            left: true,
            vivify: None,
            touch: Some(seconds(10)),
        };
        assert_eq!(encoded(&Request::Get(get)), "mg k t c f s T10 O7\r\n");
    }

    #[test]
    fn a_write_says_its_length_and_leaves_out_flags_of_zero() {
        let mut set = Set {
            key: key(),
            value: Bytes::from_static(b"a\r\nb"),
            exptime: seconds(60),
            client_flags: 0,
            cas: None,
            mode: Mode::Set,
        };
        assert_eq!(
            encoded(&Request::Set(set.clone())),
            "ms k 4 T60 O7\r\na\r\nb\r\n"
        );
        set.client_flags = 1 << 31;
        set.cas = Some(u64::MAX);
        let expected = "ms k 4 T60 F2147483648 C18446744073709551615 O7\r\na\r\nb\r\n";
        assert_eq!(encoded(&Request::Set(set)), expected);
    }

    #[test]
    fn a_bulk_read_is_one_line() {
        let mut keys = KeyLine::default();
        keys.push(&key());
        keys.push_bytes(b"l").unwrap();
        let get = |cas| {
            let keys = keys.clone();
            encoded(&Request::GetMany(GetMany { keys, cas }))
        };
        assert_eq!(get(false), "get k l\r\n");
        assert_eq!(get(true), "gets k l\r\n");
    }

    #[test]
    fn a_deletion_may_be_fenced_and_may_only_mark() {
        let delete = |cas, stale| {
            encoded(&Request::Delete(Delete {
                key: key(),
                cas,
                stale,
            }))
        };
        assert_eq!(delete(None, false), "md k O7\r\n");
        assert_eq!(delete(Some(9), false), "md k C9 O7\r\n");
        assert_eq!(delete(Some(9), true), "md k I C9 O7\r\n");
    }
}
