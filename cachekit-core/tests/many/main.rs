//! Many ids at once: each has an entry of its own, and what nobody has is computed together.

use std::collections::HashMap;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachekit_core::cache::{
    Arguments, Cache, CallMany, Context, ErrorProbe, Function, Key, Many as _, OfResultOfMap as _,
    Policy, Probe, ShareClone as _, Tags, Voice,
};
use cachekit_core::config::Config;
use cachekit_core::testkit::{Calls, Fleet, ManualClock, until};
use cachekit_core::{Error, ErrorKind};
use tokio::sync::oneshot;

mod calls;
mod failing;
mod joined;
mod times;

const TTL: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

static USERS: Function =
    Function::new("tests::many", "users").policy(Policy::new().ttl(TTL).grace(HOUR));
static SOME: Function = Function::new("tests::many", "some")
    .policy(Policy::new().ttl(TTL).negative_ttl(Duration::from_secs(20)));

type Users = HashMap<u64, String>;

/// A process that is known to the store: the first call of a function costs more.
async fn known(fleet: &Fleet, function: &'static Function) -> Cache {
    let cache = fleet.process();
    Origin::default().get(&cache, function, [0]).await.unwrap();
    cache
}

/// The calls that `run` takes.
async fn calls(fleet: &Fleet, run: impl Future<Output = ()>) -> Calls {
    let before = fleet.store.calls();
    run.await;
    let after = fleet.store.calls();
    Calls {
        get: after.get - before.get,
        set: after.set - before.set,
        get_many: after.get_many - before.get_many,
        set_many: after.set_many - before.set_many,
        release: after.release - before.release,
        ..Calls::default()
    }
}

/// Counts what it is asked for.
#[derive(Clone, Default)]
struct Origin {
    asked: Arc<Mutex<Vec<Vec<u64>>>>,
    away: Arc<AtomicBool>,
}

impl Origin {
    fn asked(&self) -> Vec<Vec<u64>> {
        self.asked.lock().unwrap().clone()
    }

    fn set_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    /// It has nobody beyond 1,000.
    fn answer(&self, ids: Vec<u64>) -> Result<Users, Error> {
        let known = ids.iter().filter(|id| **id < 1_000);
        let users = known.map(|id| (*id, format!("user {id}"))).collect();
        self.asked.lock().unwrap().push(ids);
        match self.away.load(Ordering::SeqCst) {
            true => Err(Error::new(ErrorKind::Unavailable, "origin")),
            false => Ok(users),
        }
    }

    async fn get(
        &self,
        cache: &Cache,
        function: &'static Function,
        ids: impl IntoIterator<Item = u64>,
    ) -> Result<Vec<Option<String>>, Error> {
        let compute = async |ids| self.answer(ids);
        cache
            .get_or_compute_many(function, ids.into_iter().collect(), compute)
            .await
    }
}

fn users(ids: impl IntoIterator<Item = u64>) -> Vec<Option<String>> {
    ids.into_iter()
        .map(|id| Some(format!("user {id}")))
        .collect()
}

fn key(id: u64) -> Key<String> {
    USERS.key(&id).unwrap()
}
