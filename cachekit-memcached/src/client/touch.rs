//! Giving items another time to live.

use cachekit_core::backend::Ttl;
use cachekit_core::error::{ErrorKind, Result};
use tokio::time::Instant;

use super::{Answered, Client, Target, Value, unexpected};
use crate::error::Failure;
use crate::node::Link;
use crate::protocol::{Code, Get, Request};

const TOUCH: &str = "memcached touch";
const GET_AND_TOUCH: &str = "memcached get_and_touch";

impl Client {
    /// Lets an item live for `ttl` from now on. Whether there was one.
    ///
    /// What holds the place of an entry that a cache over the same servers computes counts as none,
    /// but for servers that have only the classic commands.
    ///
    /// # Errors
    /// See [`Client`].
    pub async fn touch(&self, key: impl AsRef<[u8]>, ttl: Ttl) -> Result<bool> {
        let outcome = self
            .touched(key.as_ref(), ttl, false, self.cluster.deadline())
            .await;
        let found = outcome.and_then(|answered| {
            let meta = answered.meta().ok_or_else(unexpected)?;
            match meta.code {
                Code::Done => Ok(!meta.is_stub()),
                Code::Miss => Ok(false),
                _ => Err(unexpected()),
            }
        });
        found.map_err(|failure| failure.into_error(TOUCH))
    }

    /// Reads an item and lets it live for `ttl` from now on, in one exchange; `None` if there is
    /// none.
    ///
    /// # Errors
    /// See [`Client`]. `Unsupported` on a server before 1.5.3.
    pub async fn get_and_touch(&self, key: impl AsRef<[u8]>, ttl: Ttl) -> Result<Option<Value>> {
        let key = key.as_ref();
        let deadline = self.cluster.deadline();
        let value = match self.touched(key, ttl, true, deadline).await {
            Ok(answered) => self.value(key, answered, deadline).await,
            Err(failure) => Err(failure),
        };
        value.map_err(|failure| failure.into_error(GET_AND_TOUCH))
    }

    async fn touched(
        &self,
        key: &[u8],
        ttl: Ttl,
        value: bool,
        deadline: Instant,
    ) -> Result<Answered, Failure> {
        let wire = self.cluster.keys.wire(key)?;
        let exptime = self.cluster.exptime(ttl);
        let request = |target: Target<'_>| {
            let refuses = |link: &Link| !link.greeting.touches_while_reading();
            if value && target.link.is_some_and(refuses) {
                let detail = "it reads and touches in one command only from 1.5.3";
                return Err(Failure::new(ErrorKind::Unsupported, detail).at(target.node.name()));
            }
            Ok(Request::Get(Get {
                key: wire.borrowed(),
                value,
                left: false,
                vivify: None,
                touch: Some(target.exptime(exptime)),
            }))
        };
        self.cluster.call(&self.route(key), deadline, request).await
    }
}
