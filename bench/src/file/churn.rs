//! Everything at once, under a cap: sets, gets, expirations and removals of keys that all
//! processes share. Every value says whose it is.

use std::time::Duration;

use cachekit_core::backend::Backend as _;
use cachekit_core::key::StoreKey;
use serde::{Deserialize, Serialize};

use crate::Failed;
use crate::cells::Figures;
use crate::cells::machine::now;
use crate::file::cell::ready;
use crate::file::keys::{Key, Values};
use crate::file::load::{CALLS, SECONDS};
use crate::file::ours::Ours;
use crate::file::store::Store as _;

/// Keys of all processes. Their values together are about twice what fits.
const KEYS: u64 = 1_000;
/// Of a value, in bytes: at least 16.
const SIZES: std::ops::Range<usize> = 16..80_000;
/// Bytes of disk that the directory may take.
pub(super) const CAP: u64 = 20_000_000;

/// What one process does.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Churn {
    pub(super) seconds: f64,
}

impl Churn {
    /// Says when it could begin, and begins when it may.
    pub(super) async fn run(self, ours: &mut Ours) -> Result<Figures, Failed> {
        ready()?;
        let began = now();
        let end = began + Duration::from_secs_f64(self.seconds);
        let mut calls = 0_u64;
        while now() < end {
            once(ours).await?;
            calls += 1;
        }
        Ok(Figures::from([
            (CALLS.to_owned(), calls as f64),
            (SECONDS.to_owned(), began.elapsed().as_secs_f64()),
        ]))
    }
}

/// Four gets to three sets, an expiration and a removal.
async fn once(ours: &mut Ours) -> Result<(), Failed> {
    let key = Key::of(fastrand::u64(..KEYS));
    let name = StoreKey::new(key.text.as_str())?;
    match fastrand::u8(..9) {
        0 => Ok(ours.0.remove(&name).await?),
        1 => Ok(ours.0.expire(&name).await?),
        2..5 => {
            let value = Values::new(fastrand::usize(SIZES)).next(&key);
            ours.put(&key, &value).await
        }
        _ => ours.get_any(&key).await,
    }
}
