//! A result on its way to the backend, and into L1 once it is there.

use std::sync::Arc;

use crate::backend::{Backend, NewEntry};
use crate::cache::Inner;
use crate::cache::computation::Ended;
use crate::cache::function::Function;
use crate::cache::leading::{Leading, Written};
use crate::cache::tags::{self, Verdict};
use crate::envelope::{Header, TagVersion};
use crate::l1::{Fill, Mark, Span};
use crate::policy::flight::Moment;
use crate::policy::freshness::Lifetime;
use crate::policy::race;

/// A result on its way into L1; without a value: the answer that there is nothing.
pub(crate) struct Entering<V> {
    pub(crate) fill: Fill,
    pub(crate) value: Option<Arc<V>>,
    pub(crate) bytes: usize,
}

impl<V: Send + Sync + 'static> Entering<V> {
    pub(crate) fn enter(self, span: Span) -> Ended<V> {
        // A tag that was removed here meanwhile keeps it out of L1 as well.
        let stands = self.fill.stands();
        match self.value {
            Some(value) => self.fill.complete_written(value, span, self.bytes),
            None => self.fill.complete_mark(Mark::Absent, span.fresh),
        }
        if stands {
            Ended::Plain
        } else {
            Ended::Superseded
        }
    }
}

/// A result on its way to the backend. Dropped, it hands its lead back.
pub(crate) struct Outgoing<V> {
    pub(crate) inner: Arc<Inner>,
    pub(crate) function: &'static Function,
    /// What is to be written, if anything is.
    pub(crate) write: Option<(Leading, NewEntry)>,
    /// The mark that it is too large.
    pub(crate) mark: Header,
    pub(crate) tags: Vec<TagVersion>,
    /// The token of the namespace.
    pub(crate) token: Option<u64>,
    pub(crate) lifetime: Lifetime,
    /// Until when L1 may keep it, monotonic.
    pub(crate) l1_until_ms: u64,
    /// When the computation began.
    pub(crate) started: Moment,
    pub(crate) sent: Moment,
    pub(crate) entering: Entering<V>,
}

impl<V: Send + Sync + 'static> Outgoing<V> {
    /// Writes it.
    pub(crate) async fn send(mut self) -> Ended<V> {
        let written = match (self.write.take(), &self.inner.backend) {
            (Some((leading, entry)), Some(backend)) => {
                let NewEntry {
                    key,
                    value,
                    ttl,
                    lead,
                } = entry;
                leading.written(backend.set(&key, value, ttl, lead.as_ref()).await)
            }
            _ => Written::NotStored,
        };
        self.arrived(written).await
    }

    /// Writes all in one call of the backend.
    pub(crate) async fn send_many(mut all: Vec<Self>) -> Vec<Ended<V>> {
        let backend = all.first().and_then(|one| one.inner.backend.clone());
        let written = match backend {
            Some(backend) => write_many(&backend, &mut all).await,
            None => all.iter().map(|_| Written::NotStored).collect(),
        };
        let arrived = all.into_iter().zip(written);
        race::all(arrived.map(|(one, written)| one.arrived(written))).await
    }

    /// Lets it into L1, unless something newer has happened to the key.
    async fn arrived(self, written: Written) -> Ended<V> {
        let unfenced = matches!(written, Written::Unfenced);
        let Some(known) = self.known(written).await else {
            return Ended::Superseded;
        };
        let (inner, lifetime) = (&self.inner, self.lifetime);
        known.vouches(match unfenced {
            true => inner.share_unfenced(lifetime.ttl),
            false => inner.l1_share(lifetime.ttl),
        });
        let bound = inner.l1_bound_until(self.l1_until_ms);
        let span = lifetime.over_store(bound).aged(inner.since(known.at_ms));
        self.entering.enter(span)
    }

    /// When the result was true, as far as is known: when it was sent, if its fence says so; when
    /// the computation began, if nobody has confirmed it. `None`: it is no longer.
    ///
    /// The fence is that of the entry. A tag, or the namespace, is asked about again only if the
    /// computation took longer than the bound of L1.
    async fn known(&self, written: Written) -> Option<Moment> {
        let inner = &self.inner;
        match written {
            Written::Superseded => return None,
            Written::NotStored | Written::Unfenced => return Some(self.started.clone()),
            Written::TooLarge(leading) => {
                leading.mark_anew(&self.mark).await;
                return Some(self.started.clone());
            }
            Written::Stored if self.tags.is_empty() && self.token.is_none() => {
                return Some(self.sent.clone());
            }
            Written::Stored if inner.since(self.started.at_ms) < inner.l1_bound() => {
                return Some(self.started.clone());
            }
            Written::Stored => {}
        }
        let standing = inner.namespaces.standing(inner, self.function).await;
        let namespace = standing.map(|standing| standing.map(|standing| standing.token));
        match (namespace, tags::check_again(inner, &self.tags).await) {
            (Ok(now), _) if now != self.token => None,
            (_, Verdict::Invalid) => None,
            (Ok(_), Verdict::Valid) => Some(self.sent.clone()),
            (Err(_), _) | (_, Verdict::Stale) => Some(self.started.clone()),
        }
    }
}

async fn write_many<V>(backend: &Arc<dyn Backend>, all: &mut [Outgoing<V>]) -> Vec<Written> {
    let mut written: Vec<_> = all.iter().map(|_| Written::NotStored).collect();
    let (mut leads, mut entries) = (Vec::new(), Vec::new());
    for (index, one) in all.iter_mut().enumerate() {
        if let Some((leading, entry)) = one.write.take() {
            leads.push((index, leading));
            entries.push(entry);
        }
    }
    if entries.is_empty() {
        return written;
    }
    let outcomes = backend.set_many(entries).await;
    for ((index, leading), outcome) in leads.into_iter().zip(outcomes) {
        written[index] = leading.written(outcome);
    }
    written
}
