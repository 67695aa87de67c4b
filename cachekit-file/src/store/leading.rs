//! Who may compute an entry.
//!
//! The time of a lead is the system's, which all processes of a machine share. If that is set back,
//! the lead of one who lives lasts longer by as much; one who died is known by his lock, whatever
//! the time. If it is set forward, a lead ends early, and two may compute: the first one's write is
//! superseded.

use std::sync::atomic::Ordering;
use std::time::Duration;

use cachekit_core::backend::{Found, Lead, Lookup, Reason, Renewed, Token, Ttl, Want};
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;

use super::Store;
use crate::error::from_io;
use crate::folder::LockedFolder;
use crate::layout::Place;
use crate::leads::Leader;
use crate::pool::{Caller, abandoned};

const GET: &str = "file get";
const RENEW: &str = "file renew";
const RELEASE: &str = "file release";

/// What a reader who wants the lead asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    hold: Ttl,
    early: Duration,
}

impl Wanted {
    /// `None`: the reader has `found` what it wants.
    pub(crate) fn of(want: Want, found: Option<&Found>) -> Option<Self> {
        let Want::Lead { hold, early, .. } = want else {
            return None;
        };
        let wanted = Self { hold, early };
        (!wanted.is_met_by(found)).then_some(wanted)
    }

    fn is_met_by(self, found: Option<&Found>) -> bool {
        found.is_some_and(|found| found.lasts(self.early))
    }
}

impl Store {
    /// Reads the entry of `key`, with the lead where it is wanted.
    pub(crate) fn look(&self, key: &StoreKey, want: Want, caller: &Caller) -> Result<Lookup> {
        let found = self.reader.get(key)?;
        match Wanted::of(want, found.as_ref()) {
            Some(wanted) => self.lead(key, found, wanted, caller),
            None => Ok(Lookup::new(found, Lead::None)),
        }
    }

    /// Gives the lead of `key` to a reader who needs it after what it has `found`.
    ///
    /// # Errors
    /// Nothing was found, and the folder cannot be locked or written. What was found is served, and
    /// everybody may compute.
    pub(crate) fn lead(
        &self,
        key: &StoreKey,
        found: Option<Found>,
        wanted: Wanted,
        caller: &Caller,
    ) -> Result<Lookup> {
        match self.lead_in_folder(key, wanted, caller) {
            Err(_) if found.is_some() => Ok(Lookup::new(found, Lead::Unfenced(None))),
            looked => looked,
        }
    }

    fn lead_in_folder(&self, key: &StoreKey, wanted: Wanted, caller: &Caller) -> Result<Lookup> {
        let place = Place::of(self.directory.path(), key);
        let mut folder = self.locked(GET, &place)?;
        // Somebody may have written it meanwhile.
        let found = self.reader.get_locked(&folder, &place, key);
        let found = found.map_err(|error| from_io(GET, error))?;
        if wanted.is_met_by(found.as_ref()) {
            return Ok(Lookup::new(found, Lead::None));
        }
        if caller.is_gone() {
            return Err(abandoned(GET));
        }
        let now = self.clock.unix_ms();
        let before = folder.leader(&place.digest);
        if let Some(leader) = before
            && self.is_leading(leader, now)?
        {
            return Ok(Lookup::new(found, Lead::Other));
        }
        let token = self.give(&mut folder, &place, wanted.hold, now)?;
        Ok(Lookup {
            found,
            lead: Lead::Mine(token),
            taken_over: before.is_some(),
        })
    }

    fn is_leading(&self, leader: Leader, now: u64) -> Result<bool> {
        let alive = || self.owners.is_alive(leader.owner);
        Ok(leader.until > now && alive().map_err(|error| from_io(GET, error))?)
    }

    fn give(
        &self,
        folder: &mut LockedFolder<'_>,
        place: &Place,
        hold: Ttl,
        now: u64,
    ) -> Result<Token> {
        let owner = self.owners.announced(&self.directory);
        let leader = Leader {
            owner: owner.map_err(|error| from_io(GET, error))?,
            number: self.leads.fetch_add(1, Ordering::Relaxed),
            until: now.saturating_add(hold.as_millis_rounded_up()),
        };
        let given = folder.lead(&place.digest, leader, now);
        given.map_err(|error| from_io(GET, error))?;
        Ok(leader.token())
    }

    /// Why a write with `token` is superseded; `None` if it is not.
    pub(super) fn superseded(
        &self,
        folder: &LockedFolder<'_>,
        key: &StoreKey,
        place: &Place,
        token: &Token,
    ) -> Result<Option<Reason>> {
        let now = self.clock.unix_ms();
        let leader = folder.leader(&place.digest);
        let standing = leader.filter(|leader| leader.until > now);
        if standing.is_some_and(|leader| leader.has(token)) {
            return Ok(None);
        }
        let found = self.reader.get_locked(folder, place, key);
        let found = found.map_err(|error| from_io(GET, error))?;
        Ok(Some(match (standing, found) {
            (None, None) => Reason::Gone,
            _ => Reason::Overtaken,
        }))
    }

    pub(crate) fn renew(&self, key: &StoreKey, token: &Token, hold: Ttl) -> Result<Renewed> {
        self.directory.ready(RENEW)?;
        let place = Place::of(self.directory.path(), key);
        let mut folder = self.locked(RENEW, &place)?;
        let now = self.clock.unix_ms();
        let leader = folder.leader(&place.digest);
        let Some(leader) = leader.filter(|leader| leader.has(token) && leader.until > now) else {
            return Ok(Renewed::Lost);
        };
        let until = now.saturating_add(hold.as_millis_rounded_up());
        let renewed = folder.lead(&place.digest, Leader { until, ..leader }, now);
        renewed.map_err(|error| from_io(RENEW, error))?;
        Ok(Renewed::Held)
    }

    pub(crate) fn release(&self, key: &StoreKey, token: &Token) -> Result<()> {
        self.directory.ready(RELEASE)?;
        let place = Place::of(self.directory.path(), key);
        let mut folder = self.locked(RELEASE, &place)?;
        let leader = folder.leader(&place.digest);
        if leader.is_some_and(|leader| leader.has(token)) {
            let ended = folder.end_lead(&place.digest, self.clock.unix_ms());
            ended.map_err(|error| from_io(RELEASE, error))?;
        }
        Ok(())
    }
}
