//! Sync functions that block the thread of a runtime.

use std::convert::Infallible;
use std::pin::pin;
use std::sync::mpsc;
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use cachekit_core::Error;
use cachekit_core::cache::{
    Arguments, Cache, Call, ErrorProbe, Function, Key, OfPlain, Probe, ShareNone, Voice,
};
use cachekit_core::config::Config;
use cachekit_core::testkit::ManualClock;

static ASYNC: Function = Function::new("tests::blocked_runtime", "in_a_future");
static SYNC: Function = Function::new("tests::blocked_runtime", "on_a_thread");

fn on_this_thread(cache: &Cache) -> u64 {
    let kind = Probe::<u64>::new().kind();
    let voice = Voice::new(ErrorProbe::<Infallible>::new(kind).share(), None);
    let call = Call::new(kind, cache, Arguments::new(&SYNC));
    call.run_blocking(None, |_| false, voice, || 2)
}

#[test]
fn a_sync_function_does_not_wait_for_ever_for_the_runtime_that_it_blocks() {
    let time = ManualClock::new();
    let mut config = Config::default();
    config.max_computations = 1;
    let builder = Cache::builder().config(config).clock(time.clock());
    let cache = builder.build();
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.build().unwrap();
        runtime.block_on(async {
            let key: Key<u64> = ASYNC.key(&1_u64).unwrap();
            let compute = || std::future::pending::<Result<u64, Error>>();
            let mut computing = pin!(cache.get_or_compute(&key, compute));
            let mut context = Context::from_waker(Waker::noop());
            assert!(computing.as_mut().poll(&mut context).is_pending());
            done.send(on_this_thread(&cache)).unwrap();
        });
    });
    for _ in 0..1_000 {
        if let Ok(value) = is_done.recv_timeout(Duration::from_millis(10)) {
            assert_eq!(value, 2);
            return;
        }
        if time.sleepers() > 0 {
            time.advance(Duration::from_secs(10));
        }
    }
    panic!("not done after ten seconds");
}
