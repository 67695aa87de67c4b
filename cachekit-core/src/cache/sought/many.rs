//! The look for many entries: one call of the backend.

use std::sync::Arc;

use super::{Begun, Bounds, Sought};
use crate::backend::{Lead, Lookup, Want};
use crate::cache::Inner;
use crate::cache::asking::Asking;
use crate::cache::computation::Old;
use crate::cache::entry::{Entry, Miss, judged};
use crate::cache::form::Form;
use crate::cache::remote::{Ask, Next, Place, Reading, Seen};
use crate::cache::tags::{self, Versions};
use crate::envelope::TagVersion;
use crate::l1::Fill;
use crate::policy::flight::Moment;
use crate::policy::race::both;

/// What the look for one of many came to.
#[derive(Debug)]
pub(crate) enum Sighted<V, F> {
    Begun(Begun<V, F>),
    /// Another process computes it: it is to be looked for on its own.
    Elsewhere(Sought<V, F>),
}

/// One of those that the backend is asked for.
struct Asked<'a, V, F> {
    sought: Sought<V, F>,
    fill: Fill,
    kept: Option<Old<V>>,
    place: Place<'a>,
}

impl<V, F> Sought<V, F>
where
    V: Clone + Send + Sync + 'static,
    F: Form<V>,
{
    /// [`begin`](Self::begin) for many of one function and one cache.
    pub(crate) async fn begin_many(all: Vec<Self>) -> Vec<Sighted<V, F>> {
        let Some(inner) = all.first().map(|sought| Arc::clone(&sought.inner)) else {
            return Vec::new();
        };
        let (mut sighted, mut asked) = (Vec::with_capacity(all.len()), Vec::new());
        for sought in all {
            let fill = sought.fill();
            let begun = match sought.kept() {
                Err(found) => Begun::Found(found),
                Ok(kept) => match Place::of(&inner, &sought.key).await {
                    Ok(None) => sought.compute(fill, None, kept, false),
                    Err(_) => sought.compute(fill, None, kept, true),
                    Ok(Some(place)) => {
                        sighted.push(None);
                        asked.push(Asked {
                            sought,
                            fill,
                            kept,
                            place,
                        });
                        continue;
                    }
                },
            };
            sighted.push(Some(Sighted::Begun(begun)));
        }
        let mut answered = ask_many(&inner, asked).await.into_iter();
        let sighted = sighted.into_iter();
        sighted
            .filter_map(|sighted| sighted.or_else(|| answered.next()))
            .collect()
    }
}

async fn ask_many<V, F>(inner: &Arc<Inner>, asked: Vec<Asked<'_, V, F>>) -> Vec<Sighted<V, F>>
where
    V: Clone + Send + Sync + 'static,
    F: Form<V>,
{
    let asks: Vec<Ask<'_>> = asked
        .iter()
        .map(|asked| asked.sought.ask(asked.place.clone()))
        .collect();
    let nexts = look_many::<V, F>(inner, &asks).await;
    drop(asks);
    let mut sighted = Vec::with_capacity(asked.len());
    for (asked, next) in asked.into_iter().zip(nexts) {
        sighted.push(match next {
            Next::Done(reading) => {
                let bounds = Bounds::of(&asked.place);
                let begun = asked.sought.begun(asked.fill, asked.kept, bounds, reading);
                Sighted::Begun(begun.await)
            }
            Next::Insist => Sighted::Elsewhere(asked.sought),
            Next::Wait(seen) => {
                asked.sought.offer(seen.entry());
                Sighted::Elsewhere(asked.sought)
            }
        });
    }
    sighted
}

/// Looks at all entries and, at the same time, at the tags that they declare.
async fn look_many<V, F: Form<V>>(inner: &Arc<Inner>, asks: &[Ask<'_>]) -> Vec<Next<V>> {
    let Some(first) = asks.first() else {
        return Vec::new();
    };
    let early = first.early().await; // that of the function
    let backend = first.place.backend;
    let keys: Vec<_> = asks.iter().map(|ask| ask.place.key.clone()).collect();
    let asked: Vec<Moment> = asks.iter().map(Ask::moment).collect();
    let lookups = async {
        match early {
            Some(early) => Asking::many(backend, keys, early).await,
            None => backend.get_many(&keys, Want::Value).await,
        }
    };
    let declared = asks.iter().flat_map(|ask| ask.declared).copied();
    let (lookups, mut versions) = both(lookups, tags::read(inner, &once_each(declared))).await;

    let lookups = asks.iter().zip(asked).zip(lookups);
    let opened: Vec<_> = lookups
        .map(|((ask, asked), lookup)| lookup.map(|lookup| Opened::<V>::of::<F>(ask, asked, lookup)))
        .collect();
    let named: Vec<TagVersion> = opened.iter().flatten().flat_map(Opened::tags).collect();
    versions.extend(tags::read(inner, &versions.unread(&named)).await);

    let opened = asks.iter().zip(opened);
    let mut nexts: Vec<Next<V>> = opened
        .map(|(ask, opened)| ask.next(opened.map(|opened| opened.seen(ask, &versions)), early))
        .collect();
    capture(inner, asks, &mut nexts, versions).await;
    nexts
}

/// An entry whose tags nobody has judged.
struct Opened<V> {
    asked: Moment,
    entry: Result<(Entry<V>, Option<Miss>), Miss>,
    lead: Lead,
}

impl<V> Opened<V> {
    fn of<F: Form<V>>(ask: &Ask<'_>, asked: Moment, lookup: Lookup) -> Self {
        let Lookup { found, lead } = lookup;
        let found = found.ok_or(Miss::Cold);
        let entry = found.and_then(|found| ask.open(asked.at_ms).opened::<V, F>(found));
        Self { asked, entry, lead }
    }

    fn tags(&self) -> impl Iterator<Item = TagVersion> + '_ {
        let entry = self.entry.as_ref().ok();
        entry
            .into_iter()
            .flat_map(|(entry, _)| entry.tags.iter().copied())
    }

    fn seen(self, ask: &Ask<'_>, versions: &Versions) -> Seen<V> {
        let tags = self.tags().map(|tag| tag.name);
        let known = versions.of(&once_each(tags.chain(ask.declared.iter().copied())));
        let entry = self.entry;
        let judged = entry.and_then(|(entry, miss)| judged(entry, miss, ask.declared, versions));
        Seen::new(self.asked, judged, self.lead, known)
    }
}

/// Makes the tokens of the tags that are missing, for all that is to be computed.
async fn capture<V>(
    inner: &Inner,
    asks: &[Ask<'_>],
    nexts: &mut [Next<V>],
    mut versions: Versions,
) {
    let computes = |next: &Next<V>| matches!(next, Next::Done(Reading::Compute { .. }));
    if nexts.iter().any(computes) {
        tags::capture(inner, &mut versions).await;
    }
    for (ask, next) in asks.iter().zip(nexts) {
        if let Next::Done(Reading::Compute { versions: of, .. }) = next {
            *of = versions.of(ask.declared);
        }
    }
}

fn once_each(names: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut names: Vec<u64> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}
