//! Bytes as they come, and the replies in them.

use bytes::buf::Limit;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

use super::body::{Body, Small};
use super::expected::Expected;
use super::large::LargeBuffers;
use super::line::{line_len, number, printable, split_word, words};
use super::reply::{Code, Item, Malformed, Meta, Reply};

/// Room for one read.
const READ: usize = 64 * 1024;
/// The longest answer to `stats` and `stats settings`; memcached 1.6 sends about 3 KiB.
const MAX_STATS: usize = 64 * 1024;

/// Turns bytes into replies, however they are cut. No byte is looked at twice, and a reply that is
/// not complete takes no more memory than was received of it and a fixed amount.
///
/// After [`Malformed`] nobody knows where the next reply begins: the decoder is of no more use, nor
/// is the connection.
#[derive(Debug, Default)]
pub struct Decoder {
    /// What was received and not yet taken.
    buffer: BytesMut,
    /// So many bytes of it hold no line end.
    searched: usize,
    value: Option<(Head, Body)>,
    small: Small,
    large: LargeBuffers,
    /// Memory for a reply.
    room: Option<Box<Meta>>,
    /// What has come of a reply of many lines.
    rows: Rows,
}

/// What stood before a value.
#[derive(Debug)]
enum Head {
    Meta(Box<Meta>),
    Item { client_flags: u32, cas: Option<u64> },
}

#[derive(Debug, Default)]
enum Rows {
    #[default]
    None,
    Stats {
        rows: Vec<(String, String)>,
        bytes: usize,
    },
    /// One for each key up to the last that was found.
    Values(Vec<Option<Item>>),
}

impl Decoder {
    /// Where the next bytes go: into the shared buffer, or straight into the large value that they
    /// belong to. After that, [`next`](Self::next) is to be called until it has nothing more.
    pub fn room(&mut self) -> Limit<&mut BytesMut> {
        if let Some((_, body)) = &mut self.value
            && let Some((own, missing)) = body.room()
        {
            return own.limit(missing);
        }
        self.buffer.reserve(READ);
        (&mut self.buffer).limit(READ)
    }

    /// Adds bytes that are in memory already; see [`room`](Self::room).
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let mut room = self.room();
            let (now, later) = bytes.split_at(bytes.len().min(room.remaining_mut()));
            room.put_slice(now);
            bytes = later;
        }
    }

    /// Gives it memory for a reply. Memory that is given back in the thread that took it costs least,
    /// and that thread is the one of the caller who gets the reply.
    pub fn lend(&mut self, room: Box<Meta>) {
        self.room = Some(room);
    }

    /// Takes one reply, or `None` if it is not complete yet. `expected` is what the oldest request
    /// without a reply waits for; it stays the same until its reply has come.
    ///
    /// # Errors
    /// [`Malformed`]: these bytes are no reply, or not the one to this request. Lengths are checked
    /// before anything is allocated for them.
    pub fn next(&mut self, expected: &Expected) -> Result<Option<Reply>, Malformed> {
        let reply = self.reply(expected)?;
        if let Some(reply) = &reply {
            expected.check(reply)?;
        }
        Ok(reply)
    }

    /// Gives back memory that nothing is in.
    pub fn release(&mut self) {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
            self.small.release();
        }
        self.large.release();
    }

    /// Whether everything received was taken: the end of the stream would cut no reply off.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.value.is_none() && matches!(self.rows, Rows::None)
    }

    fn reply(&mut self, expected: &Expected) -> Result<Option<Reply>, Malformed> {
        loop {
            if let Some((_, body)) = &mut self.value {
                let bulk = matches!(expected, Expected::Values(_));
                let small = bulk.then_some(&mut self.small);
                let Some(value) = body.take(&mut self.buffer, small, &self.large)? else {
                    return Ok(None);
                };
                if let Some(reply) = self.end_value(value) {
                    return Ok(Some(reply));
                }
            }
            let Some(length) = line_len(&self.buffer, self.searched)? else {
                self.searched = self.buffer.len();
                return Ok(None);
            };
            let reply = self.line(length, expected)?;
            self.searched = 0;
            self.buffer.advance(length + 2);
            if reply.is_some() {
                return Ok(reply);
            }
        }
    }

    /// Works through a line. `None`: there is more to come.
    fn line(&mut self, length: usize, expected: &Expected) -> Result<Option<Reply>, Malformed> {
        let (word, rest) = split_word(&self.buffer[..length]);
        self.rows.check(word)?;
        let code = match word {
            b"VA" => {
                let (length, flags) = split_word(rest);
                let meta = meta(&mut self.room, Code::Value, flags, expected)?;
                self.value = Some((Head::Meta(meta), Body::new(number(length)?)?));
                return Ok(None);
            }
            b"VALUE" => {
                self.value = Some(self.rows.item(rest, expected)?);
                return Ok(None);
            }
            b"HD" => Code::Done,
            b"EN" => Code::Miss,
            b"NF" => Code::NotFound,
            b"NS" => Code::NotStored,
            b"EX" => Code::Exists,
            b"STAT" => return self.rows.statistic(rest).map(|()| None),
            b"END" => return std::mem::take(&mut self.rows).end(expected).map(Some),
            _ => {
                self.rows = Rows::None;
                return match expected.word(word) {
                    Some(meta) if rest.is_empty() => Ok(Some(meta.into())),
                    _ => word_alone(word, rest).map(Some),
                };
            }
        };
        let meta = meta(&mut self.room, code, rest, expected)?;
        Ok(Some(Reply::Meta(meta)))
    }

    /// The reply that ends with this value, unless it is one of many.
    fn end_value(&mut self, value: Bytes) -> Option<Reply> {
        let (head, _) = self.value.take()?;
        match head {
            Head::Meta(mut meta) => {
                meta.value = Some(value);
                Some(Reply::Meta(meta))
            }
            Head::Item { client_flags, cas } => {
                let item = Item {
                    value,
                    client_flags,
                    cas,
                };
                if let Rows::Values(items) = &mut self.rows {
                    items.push(Some(item));
                }
                None
            }
        }
    }
}

/// The reply of `code` with these flags; its value comes later.
fn meta(
    room: &mut Option<Box<Meta>>,
    code: Code,
    flags: &[u8],
    expected: &Expected,
) -> Result<Box<Meta>, Malformed> {
    let mut meta = room.take().unwrap_or_default();
    meta.code = code;
    meta.parse(flags)?;
    expected.check_meta(&meta)?;
    Ok(meta)
}

fn word_alone(word: &[u8], rest: &[u8]) -> Result<Reply, Malformed> {
    Ok(match word {
        b"MN" => Reply::Noop,
        b"VERSION" => Reply::Version(printable(rest)),
        b"SERVER_ERROR" => Reply::ServerError(printable(rest)),
        // The only one that tells of what is stored and not of what was written.
        b"CLIENT_ERROR" if rest.starts_with(b"cannot increment or decrement") => {
            Reply::ServerError(printable(rest))
        }
        b"CLIENT_ERROR" | b"ERROR" => Reply::Refused(printable(rest)),
        _ => return Err(Malformed("expected the first word of a reply")),
    })
}

/// What follows the word `key` at the front of `line`, if that is its first word.
fn behind<'a>(line: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    line.strip_prefix(key)?.strip_prefix(b" ")
}

impl Rows {
    /// Whether a line with this first word may follow: of a reply of many lines the next one, its
    /// end, or an error.
    fn check(&self, word: &[u8]) -> Result<(), Malformed> {
        let fits = match self {
            Self::None => true,
            Self::Stats { .. } => matches!(word, b"STAT" | b"END"),
            Self::Values(_) => matches!(word, b"VALUE" | b"END"),
        };
        if fits || word.ends_with(b"ERROR") {
            Ok(())
        } else {
            Err(Malformed("expected the next line of a reply"))
        }
    }

    /// `STAT <name> <value>`
    fn statistic(&mut self, rest: &[u8]) -> Result<(), Malformed> {
        if let Self::None = self {
            *self = Self::Stats {
                rows: Vec::new(),
                bytes: 0,
            };
        }
        let Self::Stats { rows, bytes } = self else {
            return Err(Malformed("expected VALUE or END"));
        };
        *bytes += b"STAT \r\n".len() + rest.len();
        if *bytes > MAX_STATS {
            return Err(Malformed("expected fewer statistics"));
        }
        let (name, value) = split_word(rest);
        rows.push((printable(name), printable(value)));
        Ok(())
    }

    /// `VALUE <key> <flags> <length> [<cas>]`. Servers answer in the order of the keys and leave
    /// out those that they do not have.
    fn item(&mut self, rest: &[u8], expected: &Expected) -> Result<(Head, Body), Malformed> {
        let keys = expected.key_line().ok_or(Malformed("expected no items"))?;
        if let Self::None = self {
            *self = Self::Values(Vec::with_capacity(keys.len()));
        }
        let Self::Values(items) = self else {
            return Err(Malformed("expected STAT or END"));
        };
        let behind = loop {
            match keys.get(items.len()) {
                Some(asked) => match behind(rest, asked) {
                    Some(behind) => break behind,
                    None => items.push(None),
                },
                None => return Err(Malformed("expected an item that was asked for")),
            }
        };
        let mut words = words(behind);
        let client_flags = number(words.next().unwrap_or_default())?;
        let length = number(words.next().unwrap_or_default())?;
        let cas = words.next().map(number).transpose()?;
        Ok((Head::Item { client_flags, cas }, Body::new(length)?))
    }

    /// `END`
    fn end(self, expected: &Expected) -> Result<Reply, Malformed> {
        match (self, expected.key_line()) {
            (Self::Values(mut items), Some(keys)) => {
                items.resize(keys.len(), None);
                Ok(expected.items(items))
            }
            (Self::None, Some(keys)) => Ok(expected.items(vec![None; keys.len()])),
            (Self::Stats { rows, .. }, None) => Ok(Reply::Stats(rows)),
            (Self::None, None) => Ok(Reply::Stats(Vec::new())),
            _ => Err(Malformed("expected the end of another reply")),
        }
    }
}
