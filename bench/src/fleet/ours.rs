//! The product: a cached function over a backend.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use cachekit::config::Config;
use cachekit::file::{self, FileBackend};
use cachekit::memcached::{self, Memcached};
use cachekit::{Backend, Cache, cached, with_cache};

use crate::Failed;
use crate::fleet::asking;
use crate::fleet::plan::Plan;
use crate::fleet::reader::{Answer, Counts, How, Reader};

static TTL: OnceLock<Duration> = OnceLock::new();

/// What is wrong with a call, in words.
#[derive(Debug)]
struct Problem(String);

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Problem {}

impl From<cachekit::Error> for Problem {
    fn from(error: cachekit::Error) -> Self {
        Self(error.to_string())
    }
}

/// The origin never fails, and the timeout is longer than any wait of a healthy fleet: so nothing
/// in grace is ever given out, and a plain call, which is not told whether what it is given is in
/// grace, may take everything for fresh. Whether somebody has waited for too long the history tells.
#[cached(ttl = ttl(), timeout = "50s", name = "fleet")]
async fn version(key: u32) -> Result<u64, Problem> {
    asking::ask(key)
        .await
        .map_err(|error| Problem(error.to_string()))
}

fn ttl() -> Duration {
    TTL.get().copied().unwrap_or_default()
}

/// A client of `servers` with the defaults.
pub(super) fn on_servers(servers: &[String]) -> Result<Arc<dyn Backend>, Failed> {
    let config = memcached::Config::of_servers(servers)?;
    Ok(Arc::new(Memcached::new(config)?))
}

/// Files in `directory`, with the defaults.
pub(super) fn on_files(directory: &Path) -> Result<Arc<dyn Backend>, Failed> {
    let config = file::Config {
        directory: directory.to_owned(),
        ..file::Config::default()
    };
    Ok(Arc::new(FileBackend::new(config)?))
}

/// A cache of its own over `backend`: the parent has one for each of its runs.
pub(super) fn reader(backend: Arc<dyn Backend>, plan: &Plan) -> Result<Arc<dyn Reader>, Failed> {
    let mut config = Config::default();
    config.l1.enabled = plan.l1.is_some();
    config.l1.max_age = plan.l1.unwrap_or_default();
    TTL.get_or_init(|| plan.ttl);
    let cache = Cache::builder().config(config).backend(backend).build();
    Ok(Arc::new(Ours(cache)))
}

struct Ours(Cache);

#[async_trait]
impl Reader for Ours {
    async fn read(&self, key: u32) -> Result<Answer, Failed> {
        let version = with_cache(self.0.clone(), version(key)).await?;
        Ok(Answer::fresh(version))
    }

    async fn invalidate(&self, key: u32, how: How) -> Result<(), Failed> {
        let cache = self.0.clone();
        match how {
            How::Remove => with_cache(cache, version::remove(key)).await?,
            How::Expire => with_cache(cache, version::expire(key)).await?,
        }
        Ok(())
    }

    fn counts(&self) -> Counts {
        let stats = version::stats();
        let counts = [
            ("found in the store", stats.backend_hits),
            ("waited for another process", stats.leads_waited),
            ("in vain", stats.lead_timeouts),
            ("leads taken over", stats.leads_taken_over),
            ("superseded", stats.superseded()),
            ("given in grace", stats.stale),
            ("store failed", stats.backend_errors),
        ];
        counts.map(|(name, count)| (name.to_owned(), count)).into()
    }
}
