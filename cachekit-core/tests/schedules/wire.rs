//! The way from one process to the store: it takes time, it is cut now and then, and what comes of
//! each request is written down.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Health, Lead, Lookup, Renewed, Stored, Token, Ttl, Want};
use cachekit_core::envelope;
use cachekit_core::error::{Error, ErrorKind, Result};
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::schedules::Chance;
use cachekit_core::testkit::{FaultyBackend, ReferenceBackend};

use crate::bug::Bug;
use crate::history::{Event, Journal, Reply};
use crate::process::MODULE;

pub(crate) type Store = FaultyBackend<ReferenceBackend>;

#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) process: usize,
    pub(crate) store: Arc<Store>,
    pub(crate) journal: Arc<Journal>,
    pub(crate) chances: Chances,
    pub(crate) slow: bool,
    pub(crate) cut: AtomicBool,
    pub(crate) bug: Option<Bug>,
}

impl Wire {
    async fn send<T>(
        &self,
        method: &'static str,
        key: &StoreKey,
        request: impl Future<Output = Result<T>>,
        reply: impl FnOnce(&T) -> Reply,
    ) -> Result<T> {
        self.travel(key).await;
        let result = if self.cut.load(Ordering::SeqCst) {
            Err(Error::new(ErrorKind::Unavailable, "wire"))
        } else {
            request.await
        };
        let reply = match &result {
            Ok(answer) => reply(answer),
            Err(error) if error.kind() == ErrorKind::Unavailable => Reply::Failed,
            Err(_) => Reply::Lost,
        };
        self.journal.write(Event::Store {
            process: self.process,
            method,
            key: name(key).to_owned(),
            reply,
        });
        self.travel(key).await;
        result
    }

    /// The same entry with the tokens that its tags have now.
    async fn with_tags_as_they_are(&self, key: &StoreKey, entry: Bytes) -> Bytes {
        const CODEC: usize = 3;
        let codec = entry.get(CODEC).copied().unwrap_or_default();
        let Ok(mut envelope) = envelope::open(entry.clone(), codec, key) else {
            return entry;
        };
        for tag in &mut envelope.tags {
            tag.token = self.token_of(tag.name).await.unwrap_or(tag.token);
        }
        let mut buffer = envelope::begin();
        buffer.extend_from_slice(&envelope.payload);
        envelope::seal(buffer, &envelope.header, &envelope.tags, key)
    }

    async fn token_of(&self, tag: u64) -> Option<u64> {
        let key = StoreKey::new(format!("#tag:{tag:016x}")).ok()?;
        let found = self
            .store
            .backend()
            .get(&key, Want::Value)
            .await
            .ok()?
            .found?;
        let (_, token) = std::str::from_utf8(&found.value).ok()?.split_once(' ')?;
        u64::from_str_radix(token, 16).ok()
    }

    async fn travel(&self, key: &StoreKey) {
        let slow = Duration::from_millis(if self.slow { 1_500 } else { 30 });
        let pause = self.chances.draw(without_token(key)).weighted(&[
            (6, None),
            (4, Some(Duration::ZERO)),
            (3, Some(Duration::from_millis(3))),
            (1, Some(slow)),
        ]);
        match pause {
            None => {}
            Some(Duration::ZERO) => tokio::task::yield_now().await,
            Some(pause) => self.journal.clock.clock().sleep(pause).await,
        }
    }
}

/// A key without the token of a namespace, which no seed makes.
fn without_token(key: &StoreKey) -> &str {
    let key = key.as_str();
    key.find(MODULE).map_or(key, |from| &key[from..])
}

/// The same without what all have in common.
fn name(key: &StoreKey) -> &str {
    let key = without_token(key);
    key.split_once('.').map_or(key, |(_, name)| name)
}

/// What each key draws is its own: requests for one that are left out change nothing for others.
#[derive(Debug)]
pub(crate) struct Chances {
    seed: u64,
    keys: Mutex<HashMap<String, Chance>>,
}

impl Chances {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            seed,
            keys: Mutex::default(),
        }
    }

    fn draw(&self, key: &str) -> Chance {
        let mut keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner);
        let chance = keys.entry(key.to_owned()).or_insert_with(|| {
            let seed = key.bytes().fold(self.seed, |seed, byte| {
                seed.wrapping_mul(31).wrapping_add(byte.into())
            });
            Chance::new(seed)
        });
        Chance::new(chance.number())
    }
}

#[async_trait]
impl Backend for Wire {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        let method = if want == Want::Value { "get" } else { "lead" };
        let reply = |lookup: &Lookup| match (&lookup.found, &lookup.lead) {
            (_, Lead::Mine(_)) => Reply::Leads,
            (_, Lead::Other) => Reply::OtherLeads,
            (Some(found), _) if found.stale => Reply::Stale,
            (Some(_), _) => Reply::Found,
            (None, _) => Reply::Missed,
        };
        let mut lookup = self
            .send(method, key, self.store.get(key, want), reply)
            .await?;
        if self.bug == Some(Bug::NobodyWaits) && matches!(lookup.lead, Lead::Other) {
            lookup.lead = Lead::Unfenced(None);
        }
        Ok(lookup)
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        let method = if lead.is_some() { "fill" } else { "set" };
        let token = lead.filter(|_| self.bug != Some(Bug::BlindFill));
        let value = match self.bug {
            Some(Bug::LateTags) => self.with_tags_as_they_are(key, value).await,
            _ => value,
        };
        let reply = |stored: &Stored| match stored {
            Stored::Stored => Reply::Done,
            Stored::Superseded(_) => Reply::Superseded,
        };
        self.send(method, key, self.store.set(key, value, ttl, token), reply)
            .await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.send("expire", key, self.store.expire(key), |()| Reply::Done)
            .await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        if self.bug == Some(Bug::KeptNamespace) && key.as_str().starts_with("#namespace") {
            return Ok(());
        }
        self.send("remove", key, self.store.remove(key), |()| Reply::Done)
            .await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        let reply = |renewed: &Renewed| match renewed {
            Renewed::Held => Reply::Done,
            Renewed::Lost => Reply::Superseded,
        };
        self.send("renew", key, self.store.renew(key, lead, hold), reply)
            .await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.send("release", key, self.store.release(key, lead), |()| {
            Reply::Done
        })
        .await
    }

    async fn health(&self) -> Health {
        self.store.health().await
    }
}
