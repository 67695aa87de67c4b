//! A thousand callers at once of what nobody has.

use cachekit::{Cache, Function, Key};
use moka::future::Cache as Moka;

use super::Origin;
use crate::bar;

static VALUES: Function = Function::new(module_path!(), "values");

const CALLERS: u64 = 1_000;

pub(super) async fn run() {
    println!("\n{CALLERS} callers at once, nothing cached: computations");
    for keys in [1, 100] {
        let (ours, moka) = (ours(keys).await, moka(keys).await);
        println!("  {keys} keys: cachekit {ours}, moka {moka}");
        #[expect(clippy::cast_precision_loss, reason = "small counts")]
        bar::at_most("computations a key", ours as f64 / keys as f64, 1.0);
    }
}

async fn ours(keys: u64) -> usize {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let callers = (0..CALLERS).map(|caller| {
        let (cache, origin) = (cache.clone(), origin.clone());
        tokio::spawn(async move {
            let key: Key<u64> = VALUES.key(&(caller % keys)).expect("a number is a key");
            let compute = || async { Ok::<_, cachekit::Error>(origin.ask(caller % keys).await) };
            let value = cache.get_or_compute(&key, compute).await;
            assert_eq!(value.expect("the origin answers"), caller % keys);
        })
    });
    all(callers).await;
    origin.calls()
}

async fn moka(keys: u64) -> usize {
    let (cache, origin) = (Moka::new(10_000), Origin::default());
    let callers = (0..CALLERS).map(|caller| {
        let (cache, origin) = (cache.clone(), origin.clone());
        tokio::spawn(async move {
            let key = caller % keys;
            assert_eq!(cache.get_with(key, origin.ask(key)).await, key);
        })
    });
    all(callers).await;
    origin.calls()
}

pub(super) async fn all(callers: impl Iterator<Item = tokio::task::JoinHandle<()>>) {
    let callers: Vec<_> = callers.collect();
    for caller in callers {
        caller.await.expect("no caller panics");
    }
}
