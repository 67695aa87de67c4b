//! `ms`

use super::flags::{Flags, told};
use super::items::{Item, Items, Mode, Outcome, Write};
use super::line::Line;
use super::{BAD_LINE, Refusal, TOO_LARGE};

pub(super) fn set(
    items: &mut Items,
    line: &Line<'_>,
    data: &[u8],
    now: u64,
) -> Result<Vec<u8>, Refusal> {
    line.key()?;
    if line.data_len().is_none() {
        return Err(BAD_LINE);
    }
    let flags = Flags::read(line, 3, now)?;
    let mode = mode(flags.mode)?;
    if !items.fits(&flags.key, flags.client_flags, data.len() - 2) {
        // What it was to replace must not be served any more.
        items.remove(&flags.key, now);
        return Err(TOO_LARGE);
    }
    let write = Write {
        item: Item {
            value: value(data)?.to_vec(),
            client_flags: flags.client_flags,
            expiry: flags.ttl.flatten(),
            base64: flags.base64,
            ..Item::default()
        },
        mode,
        cas: flags.cas,
        stale: flags.stale,
    };
    Ok(reply(items.write(&flags.key, write, now), &flags))
}

/// The value in `data`, whose line end has to be there.
pub(super) fn value(data: &[u8]) -> Result<&[u8], Refusal> {
    let value = data.strip_suffix(b"\r\n");
    value.ok_or("CLIENT_ERROR bad data chunk")
}

fn mode(letter: Option<u8>) -> Result<Mode, Refusal> {
    match letter {
        None | Some(b'S') => Ok(Mode::Set),
        Some(b'E') => Ok(Mode::Add),
        Some(b'R') => Ok(Mode::Replace),
        Some(b'A') => Ok(Mode::Append),
        Some(b'P') => Ok(Mode::Prepend),
        Some(_) => Err("CLIENT_ERROR invalid mode for ms M token"),
    }
}

fn reply(outcome: Outcome, flags: &Flags<'_>) -> Vec<u8> {
    let (code, cas) = match outcome {
        Outcome::Stored(_) if flags.quiet => return Vec::new(),
        Outcome::Stored(cas) => (b"HD", cas),
        Outcome::NotStored => (b"NS", 0),
        Outcome::Exists => (b"EX", 0),
        Outcome::NotFound => (b"NF", 0),
    };
    let mut reply = code.to_vec();
    for word in &flags.words {
        match word[0] {
            b'c' => told(&mut reply, 'c', cas),
            _ => flags.echo_word(word, flags.base64, &mut reply),
        }
    }
    reply.extend_from_slice(b"\r\n");
    reply
}
