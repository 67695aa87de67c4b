//! Writing one entry.

use bytes::Bytes;
use cachekit_core::backend::{Reason, Stored};
use cachekit_core::error::ErrorKind;

use super::lead::Lead;
use crate::client::{Answered, Led, delete, unexpected};
use crate::error::Failure;
use crate::protocol::{Code, Exptime, Key, Mode, Set};

/// Client flags of an empty entry. A stub, which holds the place of an entry that is being
/// computed, is empty too, and has none. The highest bit, because clients of other languages give
/// meanings to the low ones.
const EMPTY: u32 = 1 << 31;

/// The entry of `key`, as it is written.
pub(super) const fn set(key: Key<'_>, value: Bytes, exptime: Exptime) -> Set<'_> {
    let client_flags = if value.is_empty() { EMPTY } else { 0 };
    Set {
        key,
        value,
        exptime,
        client_flags,
        cas: None,
        mode: Mode::Set,
    }
}

/// Writes `set` where `lead` was given, if the lead stands.
pub(super) async fn fill(set: Set<'_>, lead: Lead, led: &Led<'_>) -> Result<Stored, Failure> {
    let set = Set {
        cas: Some(lead.cas),
        ..set
    };
    let outcome = match led.target().fit(&set) {
        Ok(request) => led
            .call(request)
            .await
            .and_then(|answered| stored(&answered)),
        Err(failure) => Err(failure),
    };
    match outcome {
        // What a refused value was to replace must not be served; what is newer may.
        Err(failure) if failure.kind == ErrorKind::TooLarge => {
            let removed = led.call(delete(&set.key, set.cas, false)).await;
            removed.and(Err(failure))
        }
        outcome => outcome,
    }
}

pub(super) fn stored(answered: &Answered) -> Result<Stored, Failure> {
    match answered.meta().map(|meta| meta.code) {
        Some(Code::Done) => Ok(Stored::Stored),
        Some(Code::Exists) => Ok(Stored::Superseded(Reason::Overtaken)),
        Some(Code::NotFound) => Ok(Stored::Superseded(Reason::Gone)),
        _ => Err(unexpected()),
    }
}
