//! From a reply to what the cache understands by it.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{self, Found, Lookup, Ttl, Want};

use super::lead::Lead;
use super::overdue::Overdue;
use crate::client::{Answered, Place, Site, Target, Unsettled, unexpected};
use crate::connection::Answer;
use crate::error::Failure;
use crate::protocol::{Code, Dialect, Exptime, Get, Key, Meta, Request, Vivify};

/// The least a lead is held for: the server's clock is exact to one second.
const MIN_HOLD: Duration = Duration::from_secs(2);

/// How long a stub lives.
pub(super) fn hold(hold: Ttl) -> Exptime {
    Exptime::of(hold.duration().max(MIN_HOLD))
}

/// What to send for a read of `key`.
pub(super) fn request<'k>(key: &'k Key<'_>, want: Want, target: Target<'_>) -> Request<'k> {
    let vivify = match want {
        Want::Lead { hold, early, .. } if target.fenced() => {
            let hold = target.exptime(self::hold(hold));
            // What a stand-in keeps is about to end all the time.
            let led_early = !early.is_zero() && !target.place.is_stand_in();
            let early = led_early.then(|| Exptime::of(early));
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

/// What a read came to.
///
/// Cancel safety: dropping it hands back what it was given, which nobody would use.
pub(super) struct Seen<'a> {
    pub(super) lookup: Lookup,
    /// What there is to be done for the lead.
    pub(super) next: Option<Next>,
    pub(super) given: Given<'a>,
}

/// What makes a reader the one who computes.
pub(super) enum Given<'a> {
    Nothing,
    Lead(Answer),
    Lease(Unsettled<'a>),
}

impl Seen<'_> {
    /// What it is to the caller, who has from now on what was given.
    pub(super) fn settle(self) -> Lookup {
        match self.given {
            Given::Nothing => {}
            Given::Lead(answer) => answer.keep(),
            Given::Lease(lease) => lease.settle(),
        }
        self.lookup
    }
}

/// What one who wants the lead may do for it beyond reading.
pub(super) enum Next {
    /// Take this one over, which somebody has had for too long.
    TakeOver(Lead),
    /// Let this one, which the reader has been given, last for so long.
    Prolong(Lead, Exptime),
    /// Add a lease at this node, which cannot fence, for so long.
    Lease(Site, Exptime),
}

/// What `answered` means to a reader of `key` who wants `want`. A lead that the server gave and the
/// reader did not ask for is handed back when `answered` is dropped here.
pub(super) fn lookup<'a>(
    mut answered: Answered,
    key: &Key<'_>,
    want: Want,
    overdue: &Overdue,
) -> Result<Seen<'a>, Failure> {
    let value = answered.answer.take_value();
    let meta = answered.meta().ok_or_else(unexpected)?;
    let found = match meta.code {
        Code::Miss => None,
        Code::Value if meta.is_stub() => None,
        Code::Value => Some(found(meta, value, answered.place)),
        _ => return Err(unexpected()),
    };
    let seen = |found, lead, next| {
        Ok(Seen {
            lookup: Lookup::new(found, lead),
            next,
            given: Given::Nothing,
        })
    };
    let Want::Lead {
        hold,
        early,
        patience,
    } = want
    else {
        return seen(found, backend::Lead::None, None);
    };
    let hold = self::hold(hold);
    if !answered.fenced {
        let (lead, next) = match &found {
            Some(found) if found.lasts(early) => (backend::Lead::None, None),
            // Where no times are told an entry may end soon, and far more likely does not: to take a
            // lease for each read would cost more than it saves.
            Some(found) if !found.stale && found.left.is_none() && early < Duration::MAX => {
                (backend::Lead::Unfenced(None), None)
            }
            _ => (
                backend::Lead::Other,
                Some(Next::Lease(answered.site(), hold)),
            ),
        };
        // Nobody leads here, whatever the server says of a stale item.
        answered.answer.keep();
        return seen(found, lead, next);
    }
    let wait = patience.max(hold.duration());
    if let (Some(cas), true, Some(_)) = (meta.cas, meta.taken, &found)
        && overdue.seen(key, answered.site(), cas, wait)
    {
        let lead = led(&answered, meta, cas);
        return seen(found, backend::Lead::Other, Some(Next::TakeOver(lead)));
    }
    let next = short_lived(&answered, hold).map(|lead| Next::Prolong(lead, hold));
    let lead = lead(&answered);
    let given = match lead {
        backend::Lead::Mine(_) => Given::Lead(answered.answer),
        _ => Given::Nothing,
    };
    let lookup = Lookup::new(found, lead);
    Ok(Seen {
        lookup,
        next,
        given,
    })
}

/// The lead that was given, if its stub is over before `hold`: it was expired, and keeps the time
/// that was left to the lead before. It might be over before it is renewed.
fn short_lived(answered: &Answered, hold: Exptime) -> Option<Lead> {
    let meta = answered.meta()?;
    let short = meta.left? < i64::from(hold.seconds());
    let cas = meta.cas.filter(|&cas| meta.won && cas != 0)?;
    (short && meta.is_stub()).then(|| led(answered, meta, cas))
}

fn lead(answered: &Answered) -> backend::Lead {
    let Some(meta) = answered.meta() else {
        return backend::Lead::Unfenced(None);
    };
    match meta.cas {
        Some(cas) if meta.won && cas != 0 => {
            backend::Lead::Mine(led(answered, meta, cas).to_token())
        }
        // Without CAS numbers, or without memory for a stub, nobody can be chosen.
        _ if meta.won || meta.code == Code::Miss => backend::Lead::Unfenced(None),
        _ if meta.taken || meta.stale => backend::Lead::Other,
        _ => backend::Lead::None,
    }
}

/// The lead over the item of this number.
fn led(answered: &Answered, meta: &Meta, cas: u64) -> Lead {
    Lead {
        over: meta.over(),
        site: answered.site(),
        cas,
    }
}

fn found(meta: &Meta, value: Option<Bytes>, place: Place) -> Found {
    let left = |seconds| match u64::try_from(seconds) {
        Ok(seconds) => Duration::from_secs(seconds.max(1)),
        // An item that another client stored for ever.
        Err(_) => Duration::from_secs(Exptime::MAX.seconds().into()),
    };
    // How long a stand-in keeps an entry says nothing of how long the entry was to live.
    let told = meta.left.filter(|_| !place.is_stand_in());
    Found {
        value: value.unwrap_or_default(),
        left: told.map(left),
        stale: meta.stale,
    }
}
