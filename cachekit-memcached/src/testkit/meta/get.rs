//! `mg`

use super::Refusal;
use super::flags::{Flags, told, told_left};
use super::items::{Item, Items};
use super::line::Line;

pub(super) fn get(items: &mut Items, line: &Line<'_>, now: u64) -> Result<Vec<u8>, Refusal> {
    let flags = Flags::read(line, 2, now)?;
    let created = flags.vivify.is_some() && items.get(&flags.key, now).is_none();
    if created {
        // It lives until the reply comes to `N`.
        items.put(&flags.key, Item::default());
    }
    Ok(match items.get(&flags.key, now) {
        Some(item) => hit(item, &flags, created, now),
        None if flags.quiet => Vec::new(),
        None => {
            let mut reply = b"EN".to_vec();
            flags.echo(&mut reply);
            reply.extend_from_slice(b"\r\n");
            reply
        }
    })
}

fn hit(item: &mut Item, flags: &Flags<'_>, created: bool, now: u64) -> Vec<u8> {
    let mut reply = if flags.value {
        format!("VA {}", item.value.len()).into_bytes()
    } else {
        b"HD".to_vec()
    };
    let mut wins = false;
    for word in &flags.words {
        match word[0] {
            b'T' => item.expiry = flags.ttl.flatten(),
            b'N' if created => {
                item.expiry = flags.vivify.flatten();
                wins = true;
            }
            b'R' => wins |= !created && !item.led && is_early(item, flags),
            b's' => told(&mut reply, 's', item.value.len()),
            b't' => told_left(&mut reply, item.expiry, now),
            b'c' => told(&mut reply, 'c', item.cas),
            b'f' => told(&mut reply, 'f', item.client_flags),
            _ => flags.echo_word(word, item.base64, &mut reply),
        }
    }
    lead(item, wins, &mut reply);
    reply.extend_from_slice(b"\r\n");
    if flags.value {
        reply.extend_from_slice(&item.value);
        reply.extend_from_slice(b"\r\n");
    }
    reply
}

/// Whether the item is over before the moment that `R` names.
fn is_early(item: &Item, flags: &Flags<'_>) -> bool {
    let (Some(expiry), Some(early)) = (item.expiry, flags.early) else {
        return false;
    };
    expiry < early
}

/// Tells who computes: this reader (`W`), or one before it (`Z`).
fn lead(item: &mut Item, wins: bool, reply: &mut Vec<u8>) {
    let led = item.led;
    if led {
        reply.extend_from_slice(b" Z");
    }
    if item.stale {
        reply.extend_from_slice(b" X");
    }
    if wins || item.stale && !led {
        reply.extend_from_slice(b" W");
        item.led = true;
    }
}
