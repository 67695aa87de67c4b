//! What a store must do to hold entries: the contract between the cache and every backend.

mod health;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;
use crate::key::StoreKey;
pub use crate::ttl::Ttl;
pub use health::{Health, NodeHealth, NodeState};

/// A store of entries: bytes under a key, for a time.
///
/// A backend knows nothing of envelopes, codecs or policies. It is told *who may compute* as a
/// part of reading and writing: a read that [wants the lead](Want::Lead) may be given a
/// [`Token`], and a write with a token takes effect only if nothing newer happened to the key.
/// A store that cannot fence a write answers [`Lead::Unfenced`].
///
/// `cachekit_core::testkit::conformance` runs every line of this contract against a backend;
/// `examples/custom_backend.rs` shows a third party's backend passing it.
///
/// # Keys
/// [`StoreKey`] texts are printable ASCII without spaces, of any length. A store with a limit
/// hashes what is longer. A store of several nodes places an entry by [`StoreKey::route`], so
/// that the entries of all releases of one function and arguments lie on one node.
///
/// # Cancel safety
/// Every method: dropping the returned future at any await leaves the backend usable, and no
/// later caller ever gets the answer that was meant for the dropped one. A write whose future was
/// dropped may or may not have happened.
///
/// # Errors
/// A store that cannot be reached is an error, never a miss. No method panics.
#[async_trait]
pub trait Backend: Send + Sync + fmt::Debug + 'static {
    /// Reads one entry.
    ///
    /// # Behaviour
    /// - An entry that was never set, was removed, or outlived its ttl is not found.
    /// - An entry is never served later than its ttl, rounded up to the store's resolution.
    /// - The value is found byte for byte as it was set; an empty value is found as empty.
    /// - `left` is the time left by the store's own clock, unless the store does not tell it.
    /// - An expired entry ([`expire`](Self::expire)) is found with `stale`, or not found.
    /// - [`Want::Value`] never takes the lead from anyone, and its `lead` is [`Lead::None`].
    /// - [`Want::Lead`] on a missing or stale entry gives [`Lead::Mine`] to one reader and
    ///   [`Lead::Other`] to every other, until the entry is set, the lead is released, or `hold`
    ///   has passed; of a stale entry also until `patience` has, where that is longer and leads over
    ///   what stands cannot be renewed. On a fresh entry it gives [`Lead::None`].
    /// - An entry that is fresh and has less than `early` left is led like a stale one, and every
    ///   reader finds it: one with [`Lead::Mine`], every other with [`Lead::Other`]. While somebody
    ///   leads it, a reader with a smaller `early` may be told so as well.
    /// - A store that cannot fence answers [`Lead::Unfenced`] wherever it would have to choose: for
    ///   a missing entry, a stale one, and one that has less than `early` left or does not tell. One
    ///   that can at least keep the others waiting gives one reader [`Lead::Unfenced`] with a token,
    ///   and every other [`Lead::Other`].
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup>;

    /// Writes one entry, to be gone after `ttl`.
    ///
    /// # Behaviour
    /// - Without a token the write always takes effect.
    /// - With a token it takes effect only if the lead still stands: a `set`, `remove` or
    ///   `expire` after the token was given, or a lead given to someone else since, make it
    ///   [`Stored::Superseded`], and nothing is changed. A store that cannot fence does so as far as
    ///   it can tell; one that gives no tokens ignores them.
    /// - The ttl counts from the moment of the write and replaces the old one.
    /// - A value over the store's limit is refused, and the entry it was to replace is removed:
    ///   keeping it would serve a value that the caller has replaced.
    ///
    /// # Errors
    /// [`TooLarge`](crate::ErrorKind::TooLarge) names the limit.
    /// [`Ambiguous`](crate::ErrorKind::Ambiguous): it may have happened.
    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored>;

    /// Says that the entry is no longer fresh. It may still be served as stale while its ttl
    /// lasts, and the next reader that wants the lead gets it.
    ///
    /// # Behaviour
    /// - A lead that was given before is superseded.
    /// - Of an entry that is not there: nothing, and `Ok`.
    /// - The time left is not prolonged.
    /// - A store without the notion removes the entry.
    async fn expire(&self, key: &StoreKey) -> Result<()>;

    /// Removes the entry: it is not served again, not even as stale.
    ///
    /// # Behaviour
    /// - A lead that was given before is superseded.
    /// - Of an entry that is not there: nothing, and `Ok`.
    async fn remove(&self, key: &StoreKey) -> Result<()>;

    /// Keeps a lead for another `hold`, because the computation still runs.
    ///
    /// # Behaviour
    /// - [`Renewed::Lost`] if the lead no longer stands; a later `set` with it is superseded.
    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed>;

    /// Hands a lead back, because the computation failed: the next reader may have it at once.
    ///
    /// # Behaviour
    /// - Of a lead that no longer stands: nothing, and `Ok`.
    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()>;

    /// [`get`](Self::get) for many keys, each with its own result, in the order asked.
    ///
    /// # Behaviour
    /// - A node that is away fails its own keys and no other.
    async fn get_many(&self, keys: &[StoreKey], want: Want) -> Vec<Result<Lookup>> {
        let mut results = Vec::with_capacity(keys.len());
        for key in keys {
            results.push(self.get(key, want).await);
        }
        results
    }

    /// [`set`](Self::set) for many entries, each with its own result, in the order given.
    async fn set_many(&self, entries: Vec<NewEntry>) -> Vec<Result<Stored>> {
        let mut results = Vec::with_capacity(entries.len());
        for entry in entries {
            let NewEntry {
                key,
                value,
                ttl,
                lead,
            } = entry;
            results.push(self.set(&key, value, ttl, lead.as_ref()).await);
        }
        results
    }

    /// [`expire`](Self::expire) for many keys, each with its own result, in the order given.
    async fn expire_many(&self, keys: &[StoreKey]) -> Vec<Result<()>> {
        let mut results = Vec::with_capacity(keys.len());
        for key in keys {
            results.push(self.expire(key).await);
        }
        results
    }

    /// [`remove`](Self::remove) for many keys, each with its own result, in the order given.
    async fn remove_many(&self, keys: &[StoreKey]) -> Vec<Result<()>> {
        let mut results = Vec::with_capacity(keys.len());
        for key in keys {
            results.push(self.remove(key).await);
        }
        results
    }

    /// The name of the node that a read of `key` would ask now, as [`health`](Self::health) names
    /// it: for those who look into why something was a hit or a miss. Asks nobody. `None`, the
    /// default: the store has no nodes.
    fn owner(&self, key: &StoreKey) -> Option<String> {
        let _ = key;
        None
    }

    /// How the store is: every node is asked, none is left out. Never fails, and is bounded by
    /// the store's own timeout.
    async fn health(&self) -> Health;
}

/// What a reader is after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Want {
    /// The value only: peeking, administration. Takes the lead from no one.
    Value,
    /// The value, or the lead to compute it.
    Lead {
        /// How long the lead stands unless it is renewed. Rounded up to the store's resolution;
        /// memcached: at least 2 s, because its clock is exact to 1 s.
        hold: Ttl,
        /// A fresh entry with less than this left is given to one reader together with the lead,
        /// and stays fresh. Rounded up to the store's resolution; it may be as long as any ttl.
        /// Zero: only missing and stale entries are led.
        early: Duration,
        /// How long a lead over an entry that is there, stale or about to end, is left with its
        /// reader where it cannot be [renewed](Backend::renew): whoever has known of it for longer
        /// than this, and longer than `hold`, may be given the lead in its place. Exact to a tenth.
        /// Zero: for as long as `hold`.
        patience: Duration,
    },
}

/// The answer to a read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lookup {
    /// The entry, where there is one.
    pub found: Option<Found>,
    /// Who computes.
    pub lead: Lead,
    /// Whether `lead` was taken from a reader that had it for too long and may have died, as far as
    /// the store can tell.
    pub taken_over: bool,
}

impl Lookup {
    /// Nothing found, and `lead`.
    #[must_use]
    pub const fn miss(lead: Lead) -> Self {
        Self::new(None, lead)
    }

    /// `found`, and `lead`, which was taken from nobody.
    #[must_use]
    pub const fn new(found: Option<Found>, lead: Lead) -> Self {
        Self {
            found,
            lead,
            taken_over: false,
        }
    }
}

/// An entry as the store holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// The bytes that were set.
    pub value: Bytes,
    /// Time left until the store drops the entry, by the store's own clock: above zero, rounded
    /// up to the store's resolution. `None`: the store does not tell.
    pub left: Option<Duration>,
    /// Whether the entry was expired by [`Backend::expire`].
    pub stale: bool,
}

impl Found {
    /// Whether nobody needs to compute it anew for a reader with this `early`
    /// ([`Want::Lead`]): it is fresh and has as much time left. One that does not tell the time
    /// left has it only where `early` is zero.
    #[must_use]
    pub fn lasts(&self, early: Duration) -> bool {
        !self.stale && self.left.unwrap_or_default() >= early
    }
}

/// Who computes, as far as this reader is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lead {
    /// Nobody needs to: the entry is fresh, or the reader did not ask.
    None,
    /// This reader. The token goes with the `set`.
    Mine(Token),
    /// Another reader does.
    Other,
    /// This store does not fence writes. With a token: this reader, for as long as the store
    /// keeps the others waiting; the token goes with the `set`. Without: everybody may.
    Unfenced(Option<Token>),
}

impl Lead {
    /// The token of a reader that computes, fenced or not.
    #[must_use]
    pub fn token(self) -> Option<Token> {
        match self {
            Self::Mine(token) => Some(token),
            Self::Unfenced(token) => token,
            Self::None | Self::Other => None,
        }
    }
}

/// The proof that a reader leads: opaque bytes that the store made and reads back.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Token(Bytes);

impl Token {
    /// A token of these bytes.
    #[must_use]
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What became of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is stored.
    Stored,
    /// Something newer happened to the key; nothing was changed.
    Superseded(Reason),
}

/// Why a lead no longer stands. What a store cannot tell apart is [`Overtaken`](Self::Overtaken).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The entry was set or expired since, or somebody else was given the lead.
    Overtaken,
    /// What the lead was over is no longer there: removed, evicted, or its hold has passed.
    Gone,
    /// The node that gave the lead, or that run of it, is not the one that keeps the entry now.
    Moved,
}

/// What became of a renewal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewed {
    /// The lead stands.
    Held,
    /// It does not stand any more.
    Lost,
}

/// One entry of [`Backend::set_many`].
#[derive(Clone, Debug)]
pub struct NewEntry {
    /// Where.
    pub key: StoreKey,
    /// What.
    pub value: Bytes,
    /// For how long.
    pub ttl: Ttl,
    /// The lead, where the write is to be fenced.
    pub lead: Option<Token>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backend_can_be_a_trait_object() {
        fn _takes(_: &dyn Backend) {}
    }
}
