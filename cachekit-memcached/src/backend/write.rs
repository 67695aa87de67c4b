//! Writing one entry.

use bytes::Bytes;
use cachekit_core::backend::Stored;
use cachekit_core::error::ErrorKind;
use tokio::time::Instant;

use super::lead::Lead;
use super::lookup::unexpected;
use crate::client::{Answered, Client, Led, Target};
use crate::error::Failure;
use crate::protocol::{Code, Delete, Exptime, Key, Request, Set, max_value_len};

/// Client flags of an empty entry. A stub, which holds the place of an entry that is being
/// computed, is empty too, and has none. The highest bit, because clients of other languages give
/// meanings to the low ones.
const EMPTY: u32 = 1 << 31;

/// An entry about to be written.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) value: Bytes,
    pub(super) exptime: Exptime,
}

impl Entry {
    /// The request that writes it at `target`, or [`ErrorKind::TooLarge`].
    pub(super) fn request(&self, cas: Option<u64>, target: Target<'_>) -> Result<Request, Failure> {
        let client_flags = if self.value.is_empty() { EMPTY } else { 0 };
        let key_len = self.key.as_bytes().len();
        let limit = max_value_len(target.item_size_max(), key_len, client_flags);
        if self.value.len() > limit {
            let detail = format!(
                "{} bytes; the limit for this key is {limit}",
                self.value.len()
            );
            return Err(Failure::new(ErrorKind::TooLarge, detail).at(target.node.name()));
        }
        let (key, value) = (self.key.clone(), self.value.clone());
        Ok(Request::Set(Set {
            key,
            value,
            exptime: target.exptime(self.exptime),
            client_flags,
            cas,
        }))
    }

    /// Writes it where `lead` was given, if the lead stands.
    pub(super) async fn fill(
        self,
        lead: Lead,
        route: &str,
        client: &Client,
        deadline: Instant,
    ) -> Result<Stored, Failure> {
        let Some(led) = client.led(route, lead.node, lead.run, deadline).await? else {
            return Ok(Stored::Superseded);
        };
        let outcome = match self.request(Some(lead.cas), led.target()) {
            Ok(request) => led
                .call(request)
                .await
                .and_then(|answered| stored(&answered)),
            Err(failure) => Err(failure),
        };
        match outcome {
            Err(failure) if failure.kind == ErrorKind::TooLarge => {
                remove_led(&self.key, lead, &led).await.and(Err(failure))
            }
            outcome => outcome,
        }
    }
}

/// What a refused value was to replace must not be served; what is newer may.
async fn remove_led(key: &Key, lead: Lead, led: &Led<'_>) -> Result<Answered, Failure> {
    led.call(delete(key, Some(lead.cas), false)).await
}

pub(super) fn delete(key: &Key, cas: Option<u64>, stale: bool) -> Request {
    Request::Delete(Delete {
        key: key.clone(),
        cas,
        stale,
    })
}

pub(super) fn stored(answered: &Answered) -> Result<Stored, Failure> {
    match answered.meta().map(|meta| meta.code) {
        Some(Code::Done) => Ok(Stored::Stored),
        Some(Code::Exists | Code::NotFound) => Ok(Stored::Superseded),
        _ => Err(unexpected()),
    }
}
