//! The contract of a backend, in memory.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

use crate::backend::{
    Backend, Found, Health, Lead, Lookup, NodeState, Reason, Renewed, Stored, Token, Ttl, Want,
};
use crate::clock::Clock;
use crate::error::Result;
use crate::key::StoreKey;

/// The contract in code: what [`Backend`] says, over a map, counting milliseconds.
///
/// For tests and for reading. It has no limit of values and no bound of memory: what has expired
/// leaves when its key is touched. The in-process deployment uses another store.
#[derive(Debug)]
pub struct ReferenceBackend {
    clock: Clock,
    slots: Mutex<HashMap<String, Slot>>,
    /// How many leads were given; each has its own number.
    leads: AtomicU64,
}

/// What is known of one key.
#[derive(Debug, Default)]
struct Slot {
    entry: Option<Entry>,
    lead: Option<Leader>,
    /// Whether the lead before ended because its hold had passed.
    deserted: bool,
}

#[derive(Debug)]
struct Entry {
    value: Bytes,
    gone_at: u64,
    stale: bool,
}

#[derive(Debug)]
struct Leader {
    token: Token,
    until: u64,
}

impl Slot {
    /// Drops what ended before `now`. A lead whose hold has passed stands no more, whether or not
    /// someone else took it.
    fn settle(&mut self, now: u64) {
        self.entry.take_if(|entry| entry.gone_at <= now);
        let deserted = self.lead.take_if(|leader| leader.until <= now);
        self.deserted |= deserted.is_some();
    }

    /// Why a lead does not stand.
    fn reason(&self) -> Reason {
        match (&self.entry, &self.lead) {
            (None, None) => Reason::Gone,
            _ => Reason::Overtaken,
        }
    }

    fn is_led_by(&self, token: &Token) -> bool {
        self.lead
            .as_ref()
            .is_some_and(|leader| leader.token == *token)
    }

    fn found(&self, now: u64) -> Option<Found> {
        self.entry.as_ref().map(|entry| Found {
            value: entry.value.clone(),
            left: Some(Duration::from_millis(entry.gone_at - now)),
            stale: entry.stale,
        })
    }
}

impl ReferenceBackend {
    /// An empty store on `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            slots: Mutex::default(),
            leads: AtomicU64::new(0),
        }
    }

    /// Runs `change` on the slot of `key` as it is now, and tells it the time.
    fn with_slot<T>(&self, key: &StoreKey, change: impl FnOnce(&mut Slot, u64) -> T) -> T {
        let now = self.clock.monotonic_ms();
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let slot = slots.entry(key.as_str().to_owned()).or_default();
        slot.settle(now);
        let result = change(slot, now);
        if slot.entry.is_none() && slot.lead.is_none() {
            slots.remove(key.as_str());
        }
        result
    }

    fn new_token(&self) -> Token {
        let number = self.leads.fetch_add(1, Ordering::Relaxed);
        Token::new(number.to_be_bytes().to_vec())
    }
}

fn after(now: u64, ttl: Ttl) -> u64 {
    now.saturating_add(ttl.as_millis_rounded_up())
}

#[async_trait]
impl Backend for ReferenceBackend {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        Ok(self.with_slot(key, |slot, now| {
            let found = slot.found(now);
            let Want::Lead { hold, early, .. } = want else {
                return Lookup::new(found, Lead::None);
            };
            let lead = match (&found, &slot.lead) {
                (Some(found), _) if found.lasts(early) => Lead::None,
                (_, Some(_)) => Lead::Other,
                (_, None) => {
                    let token = self.new_token();
                    slot.lead = Some(Leader {
                        token: token.clone(),
                        until: after(now, hold),
                    });
                    Lead::Mine(token)
                }
            };
            Lookup {
                taken_over: slot.deserted && matches!(lead, Lead::Mine(_)),
                found,
                lead,
            }
        }))
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        Ok(self.with_slot(key, |slot, now| {
            if lead.is_some_and(|token| !slot.is_led_by(token)) {
                return Stored::Superseded(slot.reason());
            }
            slot.entry = Some(Entry {
                value,
                gone_at: after(now, ttl),
                stale: false,
            });
            slot.lead = None;
            slot.deserted = false;
            Stored::Stored
        }))
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.with_slot(key, |slot, _| {
            slot.lead = None;
            if let Some(entry) = &mut slot.entry {
                entry.stale = true;
            }
        });
        Ok(())
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.with_slot(key, |slot, _| *slot = Slot::default());
        Ok(())
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        Ok(self.with_slot(key, |slot, now| match &mut slot.lead {
            Some(leader) if leader.token == *lead => {
                leader.until = after(now, hold);
                Renewed::Held
            }
            _ => Renewed::Lost,
        }))
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.with_slot(key, |slot, _| {
            slot.lead.take_if(|leader| leader.token == *lead);
        });
        Ok(())
    }

    async fn health(&self) -> Health {
        Health::single("memory", NodeState::Up, "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::ManualClock;

    #[tokio::test]
    async fn what_is_over_leaves_no_slot_behind() {
        let time = ManualClock::new();
        let backend = ReferenceBackend::new(time.clock());
        let key = StoreKey::new("k").unwrap();
        backend
            .set(&key, Bytes::new(), Ttl::from_secs(1), None)
            .await
            .unwrap();
        time.advance(Duration::from_secs(1));
        assert_eq!(backend.get(&key, Want::Value).await.unwrap().found, None);
        assert!(backend.slots.lock().unwrap().is_empty());
    }
}
