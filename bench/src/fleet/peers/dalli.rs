//! Locks as Dalli's `fetch_with_lock` has them, through our client: the server names one reader,
//! who computes, and then stores whatever has happened meanwhile. The others look again until there
//! is something. Nothing is shared within a process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use cachekit::StoreKey;
use cachekit::backend::{Backend, Ttl, Want};

use crate::Failed;
use crate::fleet::asking;
use crate::fleet::clock::{pass, some};
use crate::fleet::ours;
use crate::fleet::plan::Plan;
use crate::fleet::reader::{Answer, How, Reader};
use crate::fleet::scene::{LEASE, POLL};

const FIRST_POLL: Duration = Duration::from_millis(10);

pub(in crate::fleet) fn reader(plan: &Plan) -> Result<Arc<dyn Reader>, Failed> {
    Ok(Arc::new(Dalli {
        backend: ours::on_servers(&plan.servers)?,
        lock: Ttl::new(LEASE)?,
        ttl: Ttl::new(plan.ttl)?,
    }))
}

struct Dalli {
    backend: Arc<dyn Backend>,
    /// As long as our lease, so that the two differ in what is stored alone.
    lock: Ttl,
    ttl: Ttl,
}

#[async_trait]
impl Reader for Dalli {
    async fn read(&self, key: u32) -> Result<Answer, Failed> {
        let name = name(key)?;
        let want = Want::Lead {
            hold: self.lock,
            early: Duration::ZERO,
            patience: Duration::ZERO,
        };
        let mut pause = FIRST_POLL;
        loop {
            let lookup = self.backend.get(&name, want).await?;
            if let Some(found) = lookup.found {
                let version = u64::from_be_bytes(found.value[..].try_into()?);
                return Ok(Answer::fresh(version));
            }
            if lookup.lead.token().is_some() {
                let version = asking::ask(key).await?;
                let value = Bytes::copy_from_slice(&version.to_be_bytes());
                self.backend.set(&name, value, self.ttl, None).await?;
                return Ok(Answer::fresh(version));
            }
            pass(pause / 2 + some(pause / 2)).await;
            pause = (pause * 2).min(POLL);
        }
    }

    async fn invalidate(&self, key: u32, _how: How) -> Result<(), Failed> {
        Ok(self.backend.remove(&name(key)?).await?)
    }
}

fn name(key: u32) -> Result<StoreKey, Failed> {
    Ok(StoreKey::new(format!("fleet:{key}"))?)
}
