//! From the bytes that a store has to an entry, or to the reason why there is none.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Found, Ttl};
use crate::cache::Inner;
use crate::cache::form::{Form, Release};
use crate::cache::function::Function;
use crate::cache::stats::Event;
use crate::cache::tags::{self, Verdict, Versions};
use crate::envelope::{self, Defect, Header, TagVersion};
use crate::key::StoreKey;
use crate::policy::freshness::early_window_in_store;

/// An entry that is whole.
#[derive(Debug)]
pub(crate) struct Entry<V> {
    /// `None`: the origin has said that there is nothing.
    pub(crate) value: Option<Arc<V>>,
    /// For how long it is fresh; zero: it is in grace.
    pub(crate) fresh: Duration,
    /// For how long it is in grace after that.
    pub(crate) grace: Duration,
    /// The whole ttl that it was stored with.
    pub(crate) ttl: Ttl,
    /// How long its computation took.
    pub(crate) cost: Duration,
    /// When it was computed, by the clock of who did.
    pub(crate) computed_at_ms: u64,
    /// When it was asked for, on the monotonic clock: it was there after that.
    pub(crate) asked_ms: u64,
    /// Its size, encoded.
    pub(crate) bytes: usize,
    pub(crate) tags: Vec<TagVersion>,
}

/// Why there is no fresh entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Miss {
    /// There is nothing.
    Cold,
    /// Its ttl is over.
    Expired,
    /// Somebody has expired it.
    Invalidated,
    /// A tag was removed, or is not in it.
    Tag,
    Defect(Defect),
    /// Its bytes are not those of the type.
    Undecodable,
    /// Somebody has found out that results of the key cannot be stored.
    Uncacheable,
}

impl<V> Entry<V> {
    /// Until when it may be served, on the monotonic clock.
    pub(crate) fn until_ms(&self) -> u64 {
        let left = self.fresh.saturating_add(self.grace);
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        self.asked_ms.saturating_add(left_ms)
    }

    /// Whether it is in the part of its time in which one caller has it computed anew.
    pub(crate) fn is_early(&self) -> bool {
        self.fresh < early_window_in_store(self.ttl.duration(), self.cost)
    }
}

impl Miss {
    /// Whether what is there is to stay, and nobody needs the lead.
    pub(crate) fn leave_alone(self) -> bool {
        match self {
            Self::Defect(defect) => defect.leave_alone(),
            Self::Uncacheable => true,
            Self::Cold | Self::Expired | Self::Invalidated | Self::Tag | Self::Undecodable => false,
        }
    }

    /// Whether it should not be like that.
    fn is_damage(self) -> bool {
        matches!(self, Self::Defect(_) | Self::Undecodable) && !self.leave_alone()
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cold => "cold",
            Self::Expired => "expired",
            Self::Invalidated => "invalidated",
            Self::Tag => "tag",
            Self::Defect(defect) => defect.as_str(),
            Self::Undecodable => "undecodable",
            Self::Uncacheable => "uncacheable",
        }
    }

    pub(crate) fn event(self) -> Event {
        match self {
            Self::Cold => Event::Cold,
            Self::Expired => Event::Expired,
            Self::Invalidated => Event::Invalidated,
            Self::Tag => Event::Tag,
            Self::Uncacheable => Event::Uncacheable,
            Self::Undecodable | Self::Defect(Defect::OtherCodec) => Event::Schema,
            Self::Defect(Defect::OtherKey) => Event::OtherKey,
            Self::Defect(Defect::UnknownVersion) => Event::UnknownVersion,
            Self::Defect(_) => Event::Corrupt,
        }
    }
}

/// What is opened, and for whom.
pub(crate) struct Open<'a> {
    pub(crate) inner: &'a Inner,
    pub(crate) function: &'a Function,
    pub(crate) key: &'a StoreKey,
    pub(crate) release: Release,
    /// When it was asked for, on the monotonic clock.
    pub(crate) asked_ms: u64,
}

impl Open<'_> {
    /// The entry, and why it is not fresh, if it is not. Tags that nothing is known of yet are read,
    /// and added to `versions`.
    pub(crate) async fn checked<V, F: Form<V>>(
        &self,
        found: Found,
        declared: &[u64],
        versions: &mut Versions,
    ) -> Result<(Entry<V>, Option<Miss>), Miss> {
        let (entry, miss) = self.opened::<V, F>(found)?;
        let unread = versions.unread(&entry.tags);
        if !unread.is_empty() {
            versions.extend(tags::read(self.inner, &unread).await);
        }
        judged(entry, miss, declared, versions)
    }

    /// The entry, whatever becomes of its tags.
    pub(crate) fn opened<V, F: Form<V>>(
        &self,
        found: Found,
    ) -> Result<(Entry<V>, Option<Miss>), Miss> {
        let seen = self.seen::<V, F>(&found);
        match &seen {
            // A fresh one or not: so long it takes.
            Ok((entry, _)) if !entry.cost.is_zero() => self.function.learns(entry.cost),
            Ok(_) => {}
            Err(miss) => self.warn(*miss),
        }
        seen
    }

    /// The same, and nobody is told of one that cannot be used.
    pub(crate) fn seen<V, F: Form<V>>(
        &self,
        found: &Found,
    ) -> Result<(Entry<V>, Option<Miss>), Miss> {
        let entry = self.entry::<V, F>(found)?;
        let miss = match (found.stale, entry.fresh.is_zero()) {
            (true, _) => Miss::Invalidated,
            (false, true) => Miss::Expired,
            (false, false) => return Ok((entry, None)),
        };
        match entry.grace.is_zero() {
            true => Err(miss),
            false => Ok((entry, Some(miss))),
        }
    }

    fn entry<V, F: Form<V>>(&self, found: &Found) -> Result<Entry<V>, Miss> {
        let envelope = envelope::open(found.value.clone(), self.release.codec, self.key);
        let envelope = envelope.map_err(Miss::Defect)?;
        let header = envelope.header;
        let left = found
            .left
            .unwrap_or_else(|| self.left_by_own_clock(&header));
        let fresh = match found.stale {
            true => Duration::ZERO,
            false => left.saturating_sub(header.grace),
        };
        if header.uncacheable && !fresh.is_zero() {
            return Err(Miss::Uncacheable);
        }
        let value = match header.absent || header.uncacheable {
            true => None,
            false => {
                let value = F::decode(&envelope.payload).map_err(|_| Miss::Undecodable)?;
                Some(Arc::new(value))
            }
        };
        Ok(Entry {
            value,
            fresh,
            // When somebody has expired it is not known: each look finds it with the grace that it
            // has, but never with more than is left until its end.
            grace: match header.no_grace {
                true => Duration::ZERO,
                false => left.saturating_sub(fresh).min(header.grace),
            },
            ttl: Ttl::new(header.ttl).unwrap_or(Ttl::NEVER),
            cost: header.cost,
            computed_at_ms: header.computed_at_ms,
            asked_ms: self.asked_ms,
            bytes: envelope::HEADER_LEN + envelope.payload.len(),
            tags: envelope.tags,
        })
    }

    /// What is left of an entry where the store does not tell: as far as the clocks of those who
    /// write and read agree.
    fn left_by_own_clock(&self, header: &Header) -> Duration {
        let age_ms = (self.inner.clock.unix_ms()).saturating_sub(header.computed_at_ms);
        (header.ttl + header.grace).saturating_sub(Duration::from_millis(age_ms))
    }

    fn warn(&self, miss: Miss) {
        if miss.is_damage() {
            let (key, reason) = (self.key.digest(), miss.as_str());
            tracing::warn!(function = self.function.path(), %key, reason, "entry cannot be used");
        }
    }
}

/// What becomes of an entry with its tags, where the code declares those.
pub(crate) fn judged<V>(
    mut entry: Entry<V>,
    miss: Option<Miss>,
    declared: &[u64],
    versions: &Versions,
) -> Result<(Entry<V>, Option<Miss>), Miss> {
    match tags::check(&entry.tags, declared, versions) {
        Verdict::Valid => Ok((entry, miss)),
        Verdict::Invalid => Err(Miss::Tag),
        Verdict::Stale => {
            entry.grace += entry.fresh;
            entry.fresh = Duration::ZERO;
            Ok((entry, Some(Miss::Tag)))
        }
    }
}
