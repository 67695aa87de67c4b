//! A hundred ids at once, of which forty are there.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cachekit::{Backend, Cache, Function, Key};
use cachekit_core::clock::Clock;
use cachekit_core::testkit::{Faults, FaultyBackend, ReferenceBackend};

use crate::bar;

static VALUES: Function = Function::new(module_path!(), "values");

const IDS: u64 = 100;
const THERE: u64 = 40;

pub(super) async fn run() {
    let clock = Clock::system();
    let store = ReferenceBackend::new(clock.clone());
    let store = Arc::new(FaultyBackend::new(store, Faults::default(), clock));
    let process = || {
        let backend = Arc::clone(&store) as Arc<dyn Backend>;
        Cache::builder().backend(backend).build()
    };
    let entries = (0..THERE).map(|id| (of(id), id)).collect();
    for stored in process().set_many(entries).await {
        stored.expect("the store works");
    }
    let (before, cache) = (store.calls(), process());
    let (calls, asked) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let values = cache.get_or_compute_many(&VALUES, (0..IDS).collect(), |missing: Vec<u64>| {
        calls.fetch_add(1, Ordering::SeqCst);
        asked.fetch_add(missing.len(), Ordering::SeqCst);
        let found: HashMap<u64, u64> = missing.into_iter().map(|id| (id, id)).collect();
        async { Ok::<_, cachekit::Error>(found) }
    });
    let values = values.await.expect("the origin answers");
    assert_eq!(values, (0..IDS).map(Some).collect::<Vec<_>>());
    let after = store.calls();
    println!("\n{IDS} ids at once, {THERE} of them there");
    counted("calls of the origin", calls.into_inner() as u64, 1);
    counted(
        "ids it was asked for",
        asked.into_inner() as u64,
        IDS - THERE,
    );
    counted("looks in the store", after.get_many - before.get_many, 1);
    counted("writes to the store", after.set_many - before.set_many, 1);
}

#[expect(clippy::cast_precision_loss, reason = "small counts")]
fn counted(what: &str, count: u64, bar: u64) {
    bar::at_most(what, count as f64, bar as f64);
}

fn of(id: u64) -> Key<u64> {
    VALUES.key(&id).expect("a number is a key")
}
