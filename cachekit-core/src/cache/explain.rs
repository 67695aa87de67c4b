//! Looking without touching: what a call would find, and why.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Backend, Want};
use crate::background;
use crate::cache::arguments::Key;
use crate::cache::entry::{Entry, Miss, Open};
use crate::cache::explanation::{
    EntryFacts, Explanation, Here, Outcome, Reason, StoredEntry, TagFacts, TagStanding,
};
use crate::cache::form::Form;
use crate::cache::function::Function;
use crate::cache::namespaces;
use crate::cache::tags::{self, Verdict, Versions};
use crate::cache::tokens::TokenState;
use crate::cache::{Cache, Inner};
use crate::envelope::TagVersion;
use crate::error::Error;
use crate::l1::{Look, Mark};

impl Cache {
    /// What a call with `key` would find now, and why. Computes nothing, takes the lead from no
    /// one, changes nothing, and is not counted.
    ///
    /// # Cancel safety
    /// Dropping the future has no effect.
    pub async fn explain<V, F>(&self, key: &Key<V, F>) -> Explanation
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
    {
        let looked = stored(self.inner(), key.clone());
        let stored = background::with_runtime(looked).await;
        let stored = stored.unwrap_or_else(|error| Some(StoredEntry::away(error)));
        explanation(&self.inner, key, stored)
    }

    /// [`explain`](Self::explain), blocking this thread.
    pub(crate) fn explain_blocking<V, F>(&self, key: &Key<V, F>) -> Explanation
    where
        V: Clone + Send + Sync + 'static,
        F: Form<V>,
    {
        let looked = stored(self.inner(), key.clone());
        let stored = background::block_on(looked);
        let stored = stored.unwrap_or_else(|error| Some(StoredEntry::away(error)));
        explanation(&self.inner, key, stored)
    }
}

impl Explanation {
    /// That of a call that goes past the cache.
    pub(crate) fn bypass(function: &Function) -> Self {
        Self {
            function: function.path(),
            outcome: Outcome::Bypass,
            reason: None,
            here: Here::Nothing,
            computing: false,
            stored: None,
        }
    }
}

fn explanation<V, F>(inner: &Inner, key: &Key<V, F>, stored: Option<StoredEntry>) -> Explanation
where
    V: Clone + 'static,
{
    let here = here(inner.l1.look::<V>(key.bytes()));
    let flights = [&inner.flights, &inner.blocking_flights, &inner.refreshes];
    let computing = flights.iter().any(|flights| flights.has(key.bytes()));
    let function = key.function();
    let (outcome, reason) = outcome(function, here, computing, stored.as_ref());
    Explanation {
        function: function.path(),
        outcome,
        reason,
        here,
        computing,
        stored,
    }
}

fn here<V>(look: Look<V>) -> Here {
    match look {
        Look::Fresh { left, .. } => Here::Fresh { left },
        Look::Early { left, .. } => Here::Early { left },
        Look::Grace { throttled, .. } => Here::Grace { throttled },
        Look::Marked(Mark::Absent) => Here::Absent,
        Look::Marked(Mark::Pass) => Here::Pass,
        Look::Marked(Mark::Failed) => Here::Failed,
        Look::Nothing => Here::Nothing,
    }
}

/// What a call comes to, in the order in which it looks.
fn outcome(
    function: &Function,
    here: Here,
    computing: bool,
    stored: Option<&StoredEntry>,
) -> (Outcome, Option<Reason>) {
    let serves_stale = function.asks().serves_while_refreshing() || here == Here::Failed;
    let reason = match (stored, here) {
        (Some(stored), _) => stored.reason,
        (None, Here::Grace { .. }) => Some(Reason::Expired),
        (None, _) => Some(Reason::Cold),
    };
    let in_grace = matches!(reason, Some(Reason::Expired | Reason::Invalidated));
    match (here, stored) {
        (Here::Fresh { .. } | Here::Early { .. }, _) => (Outcome::Hit, None),
        (Here::Absent, _) => (Outcome::Absent, None),
        (Here::Pass, _) => (Outcome::Miss, Some(Reason::NotStored)),
        (Here::Grace { throttled: true }, _) => (Outcome::Stale, reason),
        (Here::Grace { .. }, None) if serves_stale => (Outcome::Stale, reason),
        _ if computing => (Outcome::Coalesced, reason),
        (_, Some(stored)) => match &stored.entry {
            Some(entry) if reason.is_none() && entry.absent => (Outcome::Absent, None),
            Some(_) if reason.is_none() => (Outcome::Hit, None),
            Some(entry) if serves_stale && in_grace && !entry.absent => (Outcome::Stale, reason),
            _ => (Outcome::Miss, reason),
        },
        (_, None) => (Outcome::Miss, reason),
    }
}

/// What the backend has of `key`.
async fn stored<V, F>(inner: Arc<Inner>, key: Key<V, F>) -> Option<StoredEntry>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    let backend = inner.backend.as_ref()?;
    F::release(key.function().current_version())?;
    let token = match token(&inner, backend, key.function()).await {
        Ok(token) => token,
        Err(unknown) => return Some(unknown),
    };
    let (store_key, release) = key.store_key(&inner.config.namespace, token)?;
    let stored = StoredEntry {
        key: store_key.digest(),
        release: release.to_string(),
        owner: backend.owner(&store_key),
        entry: None,
        reason: None,
        error: None,
    };
    let open = Open {
        inner: &inner,
        function: key.function(),
        key: &store_key,
        release,
        asked_ms: inner.clock.monotonic_ms(),
    };
    let found = match backend.get(&store_key, Want::Value).await {
        Ok(lookup) => lookup.found,
        Err(error) => return Some(stored.but_away(error)),
    };
    Some(match found.map(|found| open.seen::<V, F>(&found)) {
        Some(Ok((entry, miss))) => stored.of_entry(&inner, entry, miss, key.tags()).await,
        Some(Err(miss)) => stored.because(miss),
        None => stored.because(Miss::Cold),
    })
}

/// The token of the namespace of `function`, if it has one. One that is missing is not made.
async fn token(
    inner: &Inner,
    backend: &Arc<dyn Backend>,
    function: &Function,
) -> Result<Option<u64>, StoredEntry> {
    let name = function.namespace_name();
    if name.is_empty() {
        return Ok(None);
    }
    match namespaces::read(inner, backend, vec![name])
        .await
        .remove(name)
    {
        Some(TokenState::Known(token)) => Ok(Some(token)),
        Some(TokenState::Unreachable(error)) => Err(StoredEntry::away(error)),
        Some(TokenState::Missing) | None => Err(StoredEntry::nowhere(Reason::Cold)),
    }
}

impl StoredEntry {
    /// Of a key that nobody knows.
    fn nowhere(reason: Reason) -> Self {
        Self {
            key: String::new(),
            release: String::new(),
            owner: None,
            entry: None,
            reason: Some(reason),
            error: None,
        }
    }

    fn away(error: Error) -> Self {
        Self::nowhere(Reason::Away).but_away(error)
    }

    fn but_away(self, error: Error) -> Self {
        Self {
            reason: Some(Reason::Away),
            error: Some(error),
            ..self
        }
    }

    fn because(self, miss: Miss) -> Self {
        Self {
            reason: Some(miss.into()),
            ..self
        }
    }

    async fn of_entry<V>(
        self,
        inner: &Inner,
        entry: Entry<V>,
        miss: Option<Miss>,
        declared: &[u64],
    ) -> Self {
        let mut facts = EntryFacts {
            age: Duration::from_millis(inner.clock.unix_ms().saturating_sub(entry.computed_at_ms)),
            ttl: entry.ttl.duration(),
            fresh: entry.fresh,
            grace: entry.grace,
            cost: entry.cost,
            bytes: entry.bytes,
            absent: entry.value.is_none(),
            tags: Vec::new(),
        };
        let stored = entry.tags;
        let names: Vec<u64> = stored.iter().map(|tag| tag.name).collect();
        let versions = tags::read(inner, &names).await;
        facts.tags = standings(&stored, declared, &versions);
        let miss = match tags::check(&stored, declared, &versions) {
            Verdict::Valid => miss,
            Verdict::Invalid | Verdict::Stale => Some(Miss::Tag),
        };
        Self {
            entry: Some(facts),
            reason: miss.map(Reason::from),
            ..self
        }
    }
}

fn standings(stored: &[TagVersion], declared: &[u64], versions: &Versions) -> Vec<TagFacts> {
    let standing = |tag: &TagVersion| match tags::check(&[*tag], &[], versions) {
        Verdict::Valid => TagStanding::Valid,
        Verdict::Invalid => TagStanding::Removed,
        Verdict::Stale => TagStanding::Unknown,
    };
    let in_entry = stored.iter().map(|tag| TagFacts {
        digest: tag.name,
        standing: standing(tag),
    });
    let lacking = |name: &&u64| stored.iter().all(|tag| tag.name != **name);
    let not_in_entry = declared.iter().filter(lacking).map(|&name| TagFacts {
        digest: name,
        standing: TagStanding::NotInEntry,
    });
    in_entry.chain(not_in_entry).collect()
}
