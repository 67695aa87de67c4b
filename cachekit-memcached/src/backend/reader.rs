//! What a reader does for the lead beyond asking once.

use cachekit_core::backend::{self, Lookup, Want};
use cachekit_core::error::ErrorKind;
use tokio::time::Instant;

use super::AT_ONCE;
use super::lead::Lead;
use super::lease::Lease;
use super::lookup::{self, Given, Next, Seen};
use super::overdue::Overdue;
use crate::client::{Answered, Cluster, Led, Site, delete, join_all, lease};
use crate::error::Failure;
use crate::protocol::{Exptime, Key};

/// One who reads one key.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) cluster: &'a Cluster,
    pub(super) overdue: &'a Overdue,
    pub(super) key: &'a Key<'a>,
    pub(super) route: &'a str,
    pub(super) want: Want,
    pub(super) deadline: Instant,
}

impl<'a> Reader<'a> {
    /// What it reads in `answered`.
    pub(super) fn seen(self, answered: Answered) -> Result<Seen<'a>, Failure> {
        lookup::lookup(answered, self.key, self.want, self.overdue)
    }

    /// Goes on after what it has `seen`.
    pub(super) async fn go_on(self, mut seen: Seen<'a>) -> Result<Seen<'a>, Failure> {
        match seen.next.take() {
            None => Ok(seen),
            // What was read stands, whatever becomes of the lead.
            Some(Next::TakeOver(lead)) => match self.take_over(lead).await {
                Ok(Some(seen)) => Ok(seen),
                Ok(None) | Err(_) => Ok(seen),
            },
            // A lead that could not be prolonged may be lost: the write will say so.
            Some(Next::Prolong(lead, hold)) => {
                let _ = self.prolong(lead, hold).await;
                Ok(seen)
            }
            Some(Next::Lease(site, hold)) => self.take_lease(seen, site, hold).await,
        }
    }

    async fn prolong(self, lead: Lead, hold: Exptime) -> Result<(), Failure> {
        if let Some(led) = self.led(lead.site).await? {
            lead.renew(self.key, hold, &led).await?;
        }
        Ok(())
    }

    async fn led(self, site: Site) -> Result<Option<Led<'a>>, Failure> {
        self.cluster.led(self.route, site, self.deadline).await
    }

    /// Adds a lease beside the entry that was `seen` to be wanting, and reads once more: somebody may
    /// have written it, and given the lease back, in between.
    ///
    /// Cancel safety: the server is owed the deletion of the lease.
    async fn take_lease(
        self,
        mut seen: Seen<'a>,
        site: Site,
        hold: Exptime,
    ) -> Result<Seen<'a>, Failure> {
        let Some(led) = self.led(site).await? else {
            return Ok(seen);
        };
        let (key, held) = (lease(self.key), Lease::new(site));
        let unsettled = led.unsettled(key.clone());
        match held.add(&key, hold, &led).await {
            Ok(true) => {}
            Ok(false) => {
                unsettled.settle();
                return Ok(seen);
            }
            // Without memory for a lease nobody can be chosen.
            Err(failure) if failure.kind == ErrorKind::Rejected => {
                unsettled.settle();
                seen.lookup.lead = backend::Lead::Unfenced(None);
                return Ok(seen);
            }
            Err(failure) => return Err(failure),
        }
        let request = lookup::request(self.key, self.want, led.target());
        let mut seen = self.seen(led.call(request).await?)?;
        if seen.next.take().is_some() {
            seen.lookup.lead = backend::Lead::Unfenced(Some(held.to_token()));
            seen.given = Given::Lease(unsettled);
        } else if led.call(delete(&key, None, false)).await.is_ok() {
            unsettled.settle();
        }
        Ok(seen)
    }

    /// Ends the lead of one who has had it for too long, and asks for it. `None` if somebody else
    /// was faster: of all who try, the server lets one end it.
    ///
    /// Cancel safety: a lead that was ended goes to the next reader.
    async fn take_over(self, lead: Lead) -> Result<Option<Seen<'a>>, Failure> {
        let Some(led) = self.led(lead.site).await? else {
            return Ok(None);
        };
        if !lead.end(self.key, &led).await? {
            return Ok(None);
        }
        let request = lookup::request(self.key, self.want, led.target());
        let mut seen = self.seen(led.call(request).await?)?;
        seen.lookup.taken_over = matches!(seen.lookup.lead, backend::Lead::Mine(_));
        Ok(Some(seen))
    }
}

/// What many readers read in `outcomes`. Those that go on do so at the same time.
///
/// Cancel safety: what was given to any of them by then is handed back.
pub(super) async fn lookups<'a>(
    outcomes: Vec<Result<Answered, Failure>>,
    reader: impl Fn(usize) -> Reader<'a>,
) -> Vec<Result<Lookup, Failure>> {
    let mut all = Vec::with_capacity(outcomes.len());
    let mut open = Vec::new();
    for (index, outcome) in outcomes.into_iter().enumerate() {
        all.push(match outcome.and_then(|it| reader(index).seen(it)) {
            Ok(seen) if seen.next.is_some() => {
                open.push((index, seen));
                None
            }
            seen => Some(seen),
        });
    }
    let mut open = open.into_iter();
    while open.len() > 0 {
        let some = open.by_ref().take(AT_ONCE);
        let going = some.map(|(index, seen)| {
            let reader = reader(index);
            async move { (index, reader.go_on(seen).await) }
        });
        for (index, seen) in join_all(going.collect()).await {
            all[index] = Some(seen);
        }
    }
    let all = all.into_iter();
    all.map(|seen| Ok(seen.expect("everyone has read by now")?.settle()))
        .collect()
}
