//! The commands that every memcached has.

use super::count::{Change, Counted, change};
use super::expiry::expiry;
use super::items::{Item, Items, Mode, Outcome, Write};
use super::line::{Line, key, number};
use super::set::value;
use super::{BAD_LINE, Refusal, TOO_LARGE, UNKNOWN};

pub(super) fn carry_out(
    items: &mut Items,
    line: &Line<'_>,
    data: &[u8],
    now: u64,
) -> Result<Vec<u8>, Refusal> {
    match line.command() {
        b"get" => read(items, line.words(1), false, None, now),
        b"gets" => read(items, line.words(1), true, None, now),
        b"gat" => read(items, line.words(2), false, Some(line.word(1)), now),
        b"gats" => read(items, line.words(2), true, Some(line.word(1)), now),
        b"set" => store(items, line, data, Mode::Set, now),
        b"cas" => store(items, line, data, Mode::Set, now),
        b"add" => store(items, line, data, Mode::Add, now),
        b"replace" => store(items, line, data, Mode::Replace, now),
        b"append" => store(items, line, data, Mode::Append, now),
        b"prepend" => store(items, line, data, Mode::Prepend, now),
        b"delete" => delete(items, line, now),
        b"touch" => touch(items, line, now),
        b"incr" => count(items, line, true, now),
        b"decr" => count(items, line, false, now),
        _ => Err(UNKNOWN),
    }
}

fn read(
    items: &mut Items,
    keys: &[&[u8]],
    cas: bool,
    touch: Option<&[u8]>,
    now: u64,
) -> Result<Vec<u8>, Refusal> {
    if keys.is_empty() {
        return Err(UNKNOWN);
    }
    let invalid = |_| "CLIENT_ERROR invalid exptime argument";
    let touch = touch.map(|word| expiry(word, now)).transpose();
    let touch = touch.map_err(invalid)?;
    let mut reply = Vec::new();
    for word in keys {
        let Some(item) = items.get(key(word)?, now) else {
            continue;
        };
        if let Some(expiry) = touch {
            item.expiry = expiry;
        }
        reply.extend_from_slice(b"VALUE ");
        reply.extend_from_slice(word);
        let sizes = format!(" {} {}", item.client_flags, item.value.len());
        reply.extend_from_slice(sizes.as_bytes());
        if cas {
            reply.extend_from_slice(format!(" {}", item.cas).as_bytes());
        }
        reply.extend_from_slice(b"\r\n");
        reply.extend_from_slice(&item.value);
        reply.extend_from_slice(b"\r\n");
    }
    reply.extend_from_slice(b"END\r\n");
    Ok(reply)
}

fn store(
    items: &mut Items,
    line: &Line<'_>,
    data: &[u8],
    mode: Mode,
    now: u64,
) -> Result<Vec<u8>, Refusal> {
    let fenced = line.command() == b"cas";
    if line.word(4 + usize::from(fenced)).is_empty() {
        return Err(UNKNOWN);
    }
    if line.data_len().is_none() {
        return Err(BAD_LINE);
    }
    let key = line.key()?;
    let client_flags = number(line.word(2))?;
    let expiry = expiry(line.word(3), now)?;
    let cas = if fenced {
        Some(number(line.word(5))?)
    } else {
        None
    };
    if !items.fits(key, client_flags, data.len() - 2) {
        if mode == Mode::Set && !fenced {
            items.remove(key, now);
        }
        return Err(TOO_LARGE);
    }
    let item = Item {
        value: value(data)?.to_vec(),
        client_flags,
        expiry,
        ..Item::default()
    };
    let write = Write {
        item,
        mode,
        cas,
        stale: false,
    };
    word(match items.write(key, write, now) {
        Outcome::Stored(_) => "STORED",
        Outcome::NotStored => "NOT_STORED",
        Outcome::Exists => "EXISTS",
        Outcome::NotFound => "NOT_FOUND",
    })
}

fn delete(items: &mut Items, line: &Line<'_>, now: u64) -> Result<Vec<u8>, Refusal> {
    let deleted = items.remove(line.key()?, now);
    word(if deleted { "DELETED" } else { "NOT_FOUND" })
}

fn touch(items: &mut Items, line: &Line<'_>, now: u64) -> Result<Vec<u8>, Refusal> {
    let expiry = expiry(line.word(2), now).map_err(|_| "CLIENT_ERROR invalid exptime argument")?;
    let Some(item) = items.get(line.key()?, now) else {
        return word("NOT_FOUND");
    };
    item.expiry = expiry;
    word("TOUCHED")
}

fn count(items: &mut Items, line: &Line<'_>, up: bool, now: u64) -> Result<Vec<u8>, Refusal> {
    let invalid = |_| "CLIENT_ERROR invalid numeric delta argument";
    let by = number(line.word(2)).map_err(invalid)?;
    match change(items, line.key()?, Change { up, by }, None, now)? {
        Counted::To(number) => word(&number.to_string()),
        Counted::Missing | Counted::Exists => word("NOT_FOUND"),
    }
}

fn word(word: &str) -> Result<Vec<u8>, Refusal> {
    Ok([word, "\r\n"].concat().into_bytes())
}
