//! `md`

use super::Refusal;
use super::flags::Flags;
use super::items::Items;
use super::line::Line;

pub(super) fn delete(items: &mut Items, line: &Line<'_>, now: u64) -> Result<Vec<u8>, Refusal> {
    line.key()?;
    let flags = Flags::read(line, 2, now).map_err(|_| "CLIENT_ERROR invalid or duplicate flag")?;
    let code = deleted(items, &flags, now);
    if flags.quiet && code == b"HD" {
        return Ok(Vec::new());
    }
    let mut reply = code.to_vec();
    flags.echo(&mut reply);
    reply.extend_from_slice(b"\r\n");
    Ok(reply)
}

fn deleted(items: &mut Items, flags: &Flags<'_>, now: u64) -> &'static [u8] {
    let Some(item) = items.get(&flags.key, now) else {
        return b"NF";
    };
    if flags.cas.is_some_and(|cas| cas != item.cas) {
        return b"EX";
    }
    if !flags.stale {
        items.remove(&flags.key, now);
        return b"HD";
    }
    if let Some(expiry) = flags.ttl {
        item.expiry = expiry;
    }
    item.stale = true;
    item.led = false;
    let cas = items.next_cas();
    if let Some(item) = items.get(&flags.key, now) {
        item.cas = cas;
    }
    b"HD"
}
