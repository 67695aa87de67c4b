//! The macro of `cachekit-rs` over its memcached backend, which takes one server.

use std::sync::Arc;

use async_trait::async_trait;
use cachekit_rs as cachekit; // the macro's output says `cachekit`
use cachekit_rs::backend::memcached::MemcachedBackend;
use cachekit_rs::{BackendError, CacheKit, CachekitError};

use crate::Failed;
use crate::fleet::asking;
use crate::fleet::plan::Plan;
use crate::fleet::reader::{Answer, How, Reader};
use crate::fleet::scene::CHURN_TTL;

const _: () = assert!(CHURN_TTL.as_secs() == 60, "the macro takes a number only");

#[cachekit::cachekit(client = client, ttl = 60, interop = "version", namespace = "fleet")]
async fn version(client: &CacheKit, key: u32) -> Result<u64, CachekitError> {
    let computed = asking::ask(key).await;
    computed.map_err(|error| BackendError::permanent(error.to_string()).into())
}

pub(in crate::fleet) async fn reader(plan: &Plan) -> Result<Arc<dyn Reader>, Failed> {
    let server = plan.servers.first().ok_or("there is no server")?;
    let backend = MemcachedBackend::builder().url(server).connect().await?;
    let builder = CacheKit::builder().backend(Arc::new(backend));
    let client = match plan.l1 {
        Some(_) => builder.build()?,
        None => builder.no_l1().build()?,
    };
    Ok(Arc::new(CachekitRs(client)))
}

struct CachekitRs(CacheKit);

#[async_trait]
impl Reader for CachekitRs {
    async fn read(&self, key: u32) -> Result<Answer, Failed> {
        Ok(Answer::fresh(version(&self.0, key).await?))
    }

    async fn invalidate(&self, key: u32, _how: How) -> Result<(), Failed> {
        // Outside of here, its macro would be told to shorten what it writes.
        use cachekit_rs::interop::{InteropValue, interop_key};
        let key = interop_key("fleet", "version", &[InteropValue::from(key)])?;
        self.0.delete(&key).await?;
        Ok(())
    }
}
