//! The way from one process to the store.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use cachekit_core::backend::{Backend, Health, Lead, Lookup, Renewed, Stored, Token, Ttl, Want};
use cachekit_core::error::{Error, ErrorKind, Result};
use cachekit_core::key::StoreKey;
use cachekit_core::testkit::{FaultyBackend, ReferenceBackend};

type Store = FaultyBackend<ReferenceBackend>;

#[derive(Debug)]
pub(crate) struct Wire {
    store: Arc<Store>,
    /// The store does not fence, and gives leases.
    pub(crate) leases: bool,
    /// Values with more bytes are refused.
    pub(crate) most: usize,
    /// Who wants a lead is given none over what is there.
    pub(crate) never_leads_over: Option<Bytes>,
    cut: AtomicBool,
    renewals_to_fail: AtomicU32,
    reads: Mutex<Vec<(StoreKey, Want)>>,
}

impl Wire {
    pub(crate) fn new(store: &Arc<Store>) -> Self {
        Self {
            store: Arc::clone(store),
            leases: false,
            most: usize::MAX,
            never_leads_over: None,
            cut: AtomicBool::new(false),
            renewals_to_fail: AtomicU32::new(0),
            reads: Mutex::default(),
        }
    }

    /// What the others see of a process that is killed or stopped: nothing arrives.
    pub(crate) fn cut(&self, on: bool) {
        self.cut.store(on, Ordering::SeqCst);
    }

    pub(crate) fn fail_renewals(&self, count: u32) {
        self.renewals_to_fail.store(count, Ordering::SeqCst);
    }

    /// What was read last, and what for.
    pub(crate) fn last_read(&self) -> (StoreKey, Want) {
        let reads = self.reads.lock().unwrap();
        reads.last().expect("a read").clone()
    }

    fn arrives(&self) -> Result<()> {
        match self.cut.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Unavailable, "wire")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Backend for Wire {
    async fn get(&self, key: &StoreKey, want: Want) -> Result<Lookup> {
        self.arrives()?;
        self.reads.lock().unwrap().push((key.clone(), want));
        if let Some(foreign) = &self.never_leads_over {
            let found = self.store.get(key, Want::Value).await?.found;
            if found
                .as_ref()
                .is_some_and(|found| found.value == foreign && !found.stale)
            {
                return Ok(Lookup::new(found, Lead::None));
            }
        }
        let lookup = self.store.get(key, want).await?;
        Ok(match lookup.lead {
            Lead::Mine(token) if self.leases => Lookup {
                lead: Lead::Unfenced(Some(token)),
                ..lookup
            },
            _ => lookup,
        })
    }

    async fn set(
        &self,
        key: &StoreKey,
        value: Bytes,
        ttl: Ttl,
        lead: Option<&Token>,
    ) -> Result<Stored> {
        self.arrives()?;
        if value.len() > self.most {
            self.store.remove(key).await?;
            return Err(Error::new(ErrorKind::TooLarge, "wire"));
        }
        self.store.set(key, value, ttl, lead).await
    }

    async fn expire(&self, key: &StoreKey) -> Result<()> {
        self.arrives()?;
        self.store.expire(key).await
    }

    async fn remove(&self, key: &StoreKey) -> Result<()> {
        self.arrives()?;
        self.store.remove(key).await
    }

    async fn renew(&self, key: &StoreKey, lead: &Token, hold: Ttl) -> Result<Renewed> {
        self.arrives()?;
        let left = |left: u32| left.checked_sub(1);
        let (set, fetch) = (Ordering::SeqCst, Ordering::SeqCst);
        if self.renewals_to_fail.fetch_update(set, fetch, left).is_ok() {
            return Err(Error::new(ErrorKind::Timeout, "wire"));
        }
        self.store.renew(key, lead, hold).await
    }

    async fn release(&self, key: &StoreKey, lead: &Token) -> Result<()> {
        self.arrives()?;
        self.store.release(key, lead).await
    }

    async fn health(&self) -> Health {
        self.store.health().await
    }
}
