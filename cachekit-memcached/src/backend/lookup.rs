//! From a reply to what the cache understands by it.

use std::time::Duration;

use cachekit_core::backend::{self, Found, Lookup, Ttl, Want};

use super::lead::{Lead, Over};
use super::overdue::Overdue;
use crate::client::{Answered, Target, unexpected};
use crate::error::Failure;
use crate::protocol::{Code, Dialect, Exptime, Get, Key, Meta, Request, Vivify};

/// The least a lead is held for: the server's clock is exact to one second.
const MIN_HOLD: Duration = Duration::from_secs(2);

/// The time left of an entry on a server that tells none: the least that there is. It bounds how
/// long others keep a copy, and the server itself ends the entry in time.
const UNTOLD: Duration = Duration::from_secs(1);

/// How long a stub lives.
pub(super) fn hold(hold: Ttl) -> Exptime {
    Exptime::of(hold.duration().max(MIN_HOLD))
}

/// What to send for a read of `key`.
pub(super) fn request<'k>(key: &'k Key<'_>, want: Want, target: Target<'_>) -> Request<'k> {
    let vivify = match want {
        Want::Lead { hold, early } if target.fenced() => {
            let hold = target.exptime(self::hold(hold));
            let early = (!early.is_zero()).then(|| Exptime::of(early));
            Some(Vivify { hold, early })
        }
        Want::Lead { .. } | Want::Value => None,
    };
    Request::Get(Get {
        key: key.borrowed(),
        value: true,
        left: target.dialect() == Dialect::Meta,
        vivify,
        touch: None,
    })
}

/// What `answered` means to a reader of `key` who wants `want`. A lead that the server gave and the
/// reader did not ask for is handed back when `answered` is dropped here.
pub(super) fn lookup(
    answered: Answered,
    key: &Key<'_>,
    want: Want,
    overdue: &Overdue,
) -> Result<Lookup, Failure> {
    let meta = answered.meta().ok_or_else(unexpected)?;
    let found = match meta.code {
        Code::Miss => None,
        Code::Value if meta.is_stub() => None,
        Code::Value => Some(found(meta)),
        _ => return Err(unexpected()),
    };
    let fresh = found.as_ref().is_some_and(|found| !found.stale);
    let lead = match want {
        Want::Value => backend::Lead::None,
        Want::Lead { .. } if !answered.fenced && fresh => backend::Lead::None,
        Want::Lead { .. } if !answered.fenced => backend::Lead::Unfenced,
        Want::Lead { hold, .. } => {
            if let (Some(cas), true, Some(_)) = (meta.cas, meta.taken, &found)
                && overdue.seen(
                    key,
                    cas,
                    Duration::from_secs(self::hold(hold).seconds().into()),
                )
            {
                answered.answer.end_lead();
            }
            lead(answered)
        }
    };
    Ok(Lookup { found, lead })
}

fn lead(answered: Answered) -> backend::Lead {
    let Some(meta) = answered.meta() else {
        return backend::Lead::Unfenced;
    };
    let over = match (meta.is_stub(), meta.stale) {
        (true, _) => Over::Stub,
        (false, true) => Over::Stale,
        (false, false) => Over::Fresh,
    };
    match meta.cas {
        Some(cas) if meta.won && cas != 0 => {
            let lead = Lead {
                over,
                node: answered.node,
                run: answered.run,
                cas,
            };
            answered.answer.keep();
            backend::Lead::Mine(lead.to_token())
        }
        // Without CAS numbers, or without memory for a stub, nobody can be chosen.
        _ if meta.won || meta.code == Code::Miss => backend::Lead::Unfenced,
        _ if meta.taken || meta.stale => backend::Lead::Other,
        _ => backend::Lead::None,
    }
}

fn found(meta: &Meta) -> Found {
    let left = match meta.left {
        Some(seconds) if seconds >= 0 => Duration::from_secs(seconds.unsigned_abs().max(1)),
        None => UNTOLD,
        // An item that another client stored for ever.
        Some(_) => Duration::from_secs(u64::from(Exptime::MAX.seconds())),
    };
    Found {
        value: meta.value.clone().unwrap_or_default(),
        left,
        stale: meta.stale,
    }
}
