//! The look for many entries: one call of the backend.

use std::sync::Arc;
use std::time::Duration;

use super::{Begun, Bounds, Sought};
use crate::backend::{Lead, Lookup, Want};
use crate::cache::Inner;
use crate::cache::asking::Asking;
use crate::cache::entry::{Entry, Miss, judged};
use crate::cache::form::Form;
use crate::cache::old::Old;
use crate::cache::place::Place;
use crate::cache::remote::{Ask, Next, Reading, Seen};
use crate::cache::tags::{self, Versions};
use crate::envelope::TagVersion;
use crate::error::Result;
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
    /// Before it was asked where it lies.
    from: Moment,
    place: Place<'a>,
}

impl<V, F> Asked<'_, V, F>
where
    V: Clone + Send + Sync + 'static,
    F: Form<V>,
{
    fn ask(&self) -> Ask<'_> {
        self.sought.ask(self.place.clone())
    }
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
            let (fill, from) = (sought.fill(), sought.moment());
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
                            from,
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
    let asks = asked.iter().map(Asked::ask).collect();
    let meanwhile = |index: usize, seen: &Seen<V>| asked[index].sought.offer(seen.entry());
    let nexts = look_many::<V, F>(inner, asks, meanwhile).await;
    let mut sighted = Vec::with_capacity(asked.len());
    for (asked, next) in asked.into_iter().zip(nexts) {
        sighted.push(match next {
            Next::Done(reading) => {
                let bounds = Bounds::of(&asked.place, asked.from);
                let begun = asked.sought.begun(asked.fill, asked.kept, bounds, reading);
                Sighted::Begun(begun.await)
            }
            Next::Insist(seen) | Next::Arm(seen) | Next::Wait(seen) => {
                asked.sought.offer(seen.entry());
                Sighted::Elsewhere(asked.sought)
            }
        });
    }
    sighted
}

/// Looks at all entries; once more at those that have to be led although the store takes them for
/// fresh: until then `meanwhile` is told what there is.
async fn look_many<V, F: Form<V>>(
    inner: &Arc<Inner>,
    asks: Vec<Ask<'_>>,
    meanwhile: impl Fn(usize, &Seen<V>),
) -> Vec<Next<V>> {
    let Some(first) = asks.first() else {
        return Vec::new();
    };
    let early = first.early().await; // that of the function
    let mut nexts = look::<V, F>(inner, &asks, early).await;
    let mut again = Vec::new();
    for (index, next) in nexts.iter().enumerate() {
        if let Next::Insist(seen) = next {
            meanwhile(index, seen);
            again.push(index);
        }
    }
    if again.is_empty() {
        return nexts;
    }
    let mut asks: Vec<_> = asks.into_iter().map(Some).collect();
    let insisting: Vec<_> = again
        .iter()
        .filter_map(|&place| asks[place].take())
        .collect();
    let led = look::<V, F>(inner, &insisting, Some(Duration::MAX)).await;
    for (place, next) in again.into_iter().zip(led) {
        nexts[place] = next;
    }
    nexts
}

/// Looks at all entries and, at the same time, at the tags that they declare.
async fn look<V, F: Form<V>>(
    inner: &Arc<Inner>,
    asks: &[Ask<'_>],
    early: Option<Duration>,
) -> Vec<Next<V>> {
    let declared = asks.iter().flat_map(|ask| ask.declared).copied();
    let tags = once_each(declared);
    let asked: Vec<Moment> = asks.iter().map(Ask::moment).collect();
    let (lookups, mut versions) = both(lookups(asks, early), tags::read(inner, &tags)).await;

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

async fn lookups(asks: &[Ask<'_>], early: Option<Duration>) -> Vec<Result<Lookup>> {
    let underway = asks.iter().find(|ask| ask.underway);
    let Some(first) = underway.or_else(|| asks.first()) else {
        return Vec::new();
    };
    let backend = first.place.backend;
    let keys: Vec<_> = asks.iter().map(|ask| ask.place.key.clone()).collect();
    match early {
        Some(early) => Asking::many(backend, keys, first.want(early)).await,
        None => backend.get_many(&keys, Want::Value).await,
    }
}

/// An entry whose tags nobody has judged.
struct Opened<V> {
    asked: Moment,
    entry: Result<(Entry<V>, Option<Miss>), Miss>,
    lead: Lead,
}

impl<V> Opened<V> {
    fn of<F: Form<V>>(ask: &Ask<'_>, asked: Moment, lookup: Lookup) -> Self {
        ask.told(&lookup);
        let Lookup { found, lead, .. } = lookup;
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
