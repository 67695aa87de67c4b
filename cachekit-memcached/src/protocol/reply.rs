//! What is read.

use bytes::{Bytes, BytesMut};
use memchr::memchr;

/// The longest line a server sends: a meta reply or an error.
const MAX_LINE: usize = 2_048;
/// The longest value a server can be told to hold (`-I` goes up to 1 GiB).
const MAX_VALUE: usize = 1 << 30;
/// The longest answer to `stats` and `stats settings`; memcached 1.6 sends about 3 KiB.
const MAX_STATS: usize = 64 * 1024;
/// Up to here a value is copied out of the read buffer. A slice would keep the whole buffer alive
/// for a few bytes.
const COPY_UP_TO: usize = 16 * 1024;

/// The answer to one [`Request`](super::Request).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// To `mg`, `ms` and `md`.
    Meta(Meta),
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

/// Takes one reply from the front of `buffer`, or `None` if it is not complete yet: then nothing
/// is taken.
///
/// # Errors
/// [`Malformed`]; the connection cannot be used any more. Lengths are checked before anything is
/// allocated for them.
pub fn parse(buffer: &mut BytesMut) -> Result<Option<Reply>, Malformed> {
    let Some(line) = line(buffer)? else {
        return Ok(None);
    };
    let after = line.len() + 2;
    let (word, rest) = split_word(line);
    let reply = match word {
        b"VA" => return value(buffer, after),
        b"STAT" | b"END" => return stats(buffer),
        b"HD" => meta(Code::Done, rest)?,
        b"EN" => meta(Code::Miss, rest)?,
        b"NF" => meta(Code::NotFound, rest)?,
        b"NS" => meta(Code::NotStored, rest)?,
        b"EX" => meta(Code::Exists, rest)?,
        b"MN" => Reply::Noop,
        b"VERSION" => Reply::Version(printable(rest)),
        b"SERVER_ERROR" => Reply::ServerError(printable(rest)),
        b"CLIENT_ERROR" | b"ERROR" => Reply::Refused(printable(rest)),
        _ => return Err(Malformed("expected the first word of a reply")),
    };
    let _ = buffer.split_to(after);
    Ok(Some(reply))
}

/// The first line without its end.
fn line(buffer: &[u8]) -> Result<Option<&[u8]>, Malformed> {
    let within = &buffer[..buffer.len().min(MAX_LINE)];
    match memchr(b'\n', within) {
        Some(end) if end > 0 && buffer[end - 1] == b'\r' => Ok(Some(&buffer[..end - 1])),
        Some(_) => Err(Malformed("expected a line to end with CR LF")),
        None if within.len() == MAX_LINE => Err(Malformed("expected a shorter line")),
        None => Ok(None),
    }
}

fn split_word(line: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b' ', line) {
        Some(end) => (&line[..end], &line[end + 1..]),
        None => (line, &[]),
    }
}

fn meta(code: Code, flags: &[u8]) -> Result<Reply, Malformed> {
    Ok(Reply::Meta(Meta::parse(code, flags)?))
}

fn value(buffer: &mut BytesMut, after: usize) -> Result<Option<Reply>, Malformed> {
    let (length, flags) = split_word(&buffer[b"VA ".len().min(after - 2)..after - 2]);
    let length: usize = number(length)?;
    if length > MAX_VALUE {
        return Err(Malformed("expected a value of at most 1 GiB"));
    }
    let mut meta = Meta::parse(Code::Value, flags)?;
    if buffer.len() < after + length + 2 {
        return Ok(None);
    }
    if &buffer[after + length..after + length + 2] != b"\r\n" {
        return Err(Malformed("expected a value to end with CR LF"));
    }
    let _ = buffer.split_to(after);
    meta.value = Some(if length <= COPY_UP_TO {
        let value = Bytes::copy_from_slice(&buffer[..length]);
        let _ = buffer.split_to(length + 2);
        value
    } else {
        let mut value = buffer.split_to(length + 2);
        value.truncate(length);
        value.freeze()
    });
    Ok(Some(Reply::Meta(meta)))
}

fn stats(buffer: &mut BytesMut) -> Result<Option<Reply>, Malformed> {
    let mut rows = Vec::new();
    let mut at = 0;
    loop {
        let Some(line) = line(&buffer[at..])? else {
            let fits = buffer.len() <= MAX_STATS;
            return if fits {
                Ok(None)
            } else {
                Err(Malformed("expected fewer statistics"))
            };
        };
        at += line.len() + 2;
        let (word, rest) = split_word(line);
        match word {
            b"END" => break,
            b"STAT" => {
                let (name, value) = split_word(rest);
                rows.push((printable(name), printable(value)));
            }
            _ => return Err(Malformed("expected STAT or END")),
        }
    }
    let _ = buffer.split_to(at);
    Ok(Some(Reply::Stats(rows)))
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

    fn parse(code: Code, flags: &[u8]) -> Result<Self, Malformed> {
        let mut meta = Self {
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
        };
        // Releases before 1.6.18 send a space too many here and there.
        for flag in flags
            .split(|&byte| byte == b' ')
            .filter(|flag| !flag.is_empty())
        {
            let token = &flag[1..];
            match flag[0] {
                b'O' => meta.opaque = Some(number(token)?),
                b'c' => meta.cas = Some(number(token)?),
                b't' => meta.left = Some(number(token)?),
                b'f' => meta.client_flags = Some(number(token)?),
                b's' => meta.size = Some(number(token)?),
                b'W' => meta.won = true,
                b'Z' => meta.taken = true,
                b'X' => meta.stale = true,
                _ => {}
            }
        }
        Ok(meta)
    }
}

fn number<T: std::str::FromStr>(digits: &[u8]) -> Result<T, Malformed> {
    std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| digits.parse().ok())
        .ok_or(Malformed("expected a number in range"))
}

/// What a server says, fit for a log.
fn printable(text: &[u8]) -> String {
    let shown = &text[..text.len().min(120)];
    shown
        .iter()
        .map(|&byte| {
            if (b' '..=b'~').contains(&byte) {
                byte as char
            } else {
                '?'
            }
        })
        .collect()
}
