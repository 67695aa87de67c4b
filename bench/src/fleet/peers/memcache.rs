//! `fetch` of the client `memcache`: leads of its own, which it fences, and does not take over.

use std::sync::Arc;

use async_trait::async_trait;
use memcache::exp::{AsyncMemcache, Ttl};

use crate::Failed;
use crate::fleet::asking;
use crate::fleet::plan::Plan;
use crate::fleet::reader::{Answer, How, Reader};

pub(in crate::fleet) async fn reader(plan: &Plan) -> Result<Arc<dyn Reader>, Failed> {
    let client = AsyncMemcache::connect(&plan.servers).await?;
    let seconds = u32::try_from(plan.ttl.as_secs())?;
    Ok(Arc::new(Memcache { client, seconds }))
}

struct Memcache {
    client: AsyncMemcache,
    /// How long values live.
    seconds: u32,
}

#[async_trait]
impl Reader for Memcache {
    async fn read(&self, key: u32) -> Result<Answer, Failed> {
        let (ttl, computed) = (Ttl::secs(self.seconds), asking::ask(key));
        let version: u64 = self.client.fetch(name(key), ttl, computed).await?;
        Ok(Answer::fresh(version))
    }

    async fn invalidate(&self, key: u32, _how: How) -> Result<(), Failed> {
        self.client.delete(name(key)).await?;
        Ok(())
    }
}

fn name(key: u32) -> String {
    format!("fleet:{key}")
}
