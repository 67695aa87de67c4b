//! `ma`, and what `incr` and `decr` do.

use super::flags::{Flags, told, told_left};
use super::items::{Item, Items};
use super::line::Line;
use super::{NOT_NUMERIC, Refusal};

/// What became of a counter.
pub(super) enum Counted {
    To(u64),
    Missing,
    Exists,
}

/// What is added to a counter, or taken away.
#[derive(Clone, Copy)]
pub(super) struct Change {
    pub(super) up: bool,
    pub(super) by: u64,
}

impl Change {
    const fn of(self, number: u64) -> u64 {
        if self.up {
            number.wrapping_add(self.by)
        } else {
            number.saturating_sub(self.by)
        }
    }
}

/// Changes the number under `key`, if `cas` is the number of its item.
pub(super) fn change(
    items: &mut Items,
    key: &[u8],
    change: Change,
    cas: Option<u64>,
    now: u64,
) -> Result<Counted, Refusal> {
    let Some(item) = items.get(key, now).cloned() else {
        return Ok(Counted::Missing);
    };
    if item.value.is_empty() {
        return Err(NOT_NUMERIC);
    }
    if cas.is_some_and(|cas| cas != 0 && cas != item.cas) {
        return Ok(Counted::Exists);
    }
    let text = std::str::from_utf8(&item.value).map_err(|_| NOT_NUMERIC)?;
    // As far as the first space: a number that became shorter has spaces behind it.
    let digits = text.split(' ').find(|word| !word.is_empty());
    let number = digits.and_then(|digits| digits.parse().ok());
    let number = change.of(number.ok_or(NOT_NUMERIC)?);
    items.put(key, counted(item, number));
    Ok(Counted::To(number))
}

/// The item with another number. One that needs no more room keeps it, and what else it was.
fn counted(item: Item, number: u64) -> Item {
    let mut value = number.to_string().into_bytes();
    if value.len() > item.value.len() {
        return Item {
            value,
            client_flags: item.client_flags,
            expiry: item.expiry,
            ..Item::default()
        };
    }
    value.resize(item.value.len(), b' ');
    Item { value, ..item }
}

pub(super) fn count(items: &mut Items, line: &Line<'_>, now: u64) -> Result<Vec<u8>, Refusal> {
    line.key()?;
    let flags = Flags::read(line, 2, now).map_err(|_| "CLIENT_ERROR invalid or duplicate flag")?;
    let by = Change {
        up: is_up(flags.mode)?,
        by: flags.delta.unwrap_or(1),
    };
    let room = items.get(&flags.key, now).map(|item| item.value.len());
    match change(items, &flags.key, by, flags.cas, now)? {
        Counted::To(number) => {
            let item = items.get(&flags.key, now).expect("it was just written");
            let mut before = item.clone();
            // The time of one that needed more room is given to the item that it was made of.
            let grew = room < Some(item.value.len());
            let item = if grew { &mut before } else { item };
            let reply = reply(item, &flags, number, false, now);
            Ok(if flags.quiet { Vec::new() } else { reply })
        }
        Counted::Missing if flags.vivify.is_some() => {
            let value = flags.initial.to_string().into_bytes();
            let item = Item {
                value,
                ..Item::default()
            };
            items.put(&flags.key, item);
            let item = items.get(&flags.key, now).expect("it was just written");
            Ok(reply(item, &flags, flags.initial, true, now))
        }
        Counted::Missing => Ok(nothing(b"NF", &flags)),
        Counted::Exists => Ok(nothing(b"EX", &flags)),
    }
}

fn is_up(mode: Option<u8>) -> Result<bool, Refusal> {
    match mode {
        None | Some(b'I' | b'+') => Ok(true),
        Some(b'D' | b'-') => Ok(false),
        Some(_) => Err("CLIENT_ERROR invalid mode for ma M token"),
    }
}

fn nothing(code: &[u8], flags: &Flags<'_>) -> Vec<u8> {
    let mut reply = code.to_vec();
    flags.echo(&mut reply);
    reply.extend_from_slice(b"\r\n");
    reply
}

fn reply(item: &mut Item, flags: &Flags<'_>, number: u64, created: bool, now: u64) -> Vec<u8> {
    let number = number.to_string();
    let mut reply = if flags.value {
        format!("VA {}", number.len()).into_bytes()
    } else {
        b"HD".to_vec()
    };
    for word in &flags.words {
        match word[0] {
            b'c' => told(&mut reply, 'c', item.cas),
            b't' => told_left(&mut reply, item.expiry, now),
            b'T' => item.expiry = flags.ttl.flatten(),
            b'N' if created => item.expiry = flags.vivify.flatten(),
            _ => flags.echo_word(word, flags.base64, &mut reply),
        }
    }
    reply.extend_from_slice(b"\r\n");
    if flags.value {
        reply.extend_from_slice(number.as_bytes());
        reply.extend_from_slice(b"\r\n");
    }
    reply
}
