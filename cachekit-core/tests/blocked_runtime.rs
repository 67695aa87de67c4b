//! Sync functions that block the thread of a runtime whose computations have all places.

use std::collections::HashMap;
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::{Arc, mpsc};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

use cachekit_core::cache::{
    Arguments, Cache, Call, CallMany, ErrorProbe, Function, Key, Many, OfMap as _, OfPlain,
    OfResult as _, OfResultOfMap as _, Probe, SayFrom as _, ShareFrom as _, ShareNone, Tags, Voice,
};
use cachekit_core::clock::{Clock, Time};
use cachekit_core::config::Config;
use cachekit_core::testkit::{ManualClock, ReferenceBackend};
use cachekit_core::{Error, ErrorKind};
use tokio::sync::oneshot;

static ASYNC: Function = Function::new("tests::blocked_runtime", "in_a_future");
static SYNC: Function = Function::new("tests::blocked_runtime", "on_a_thread");

/// The time of a test, and waits that need no runtime of the test: it is blocked.
#[derive(Debug)]
struct Beside(ManualClock);

impl Time for Beside {
    fn monotonic_ms(&self) -> u64 {
        self.0.monotonic_ms()
    }

    fn unix_ms(&self) -> u64 {
        self.0.unix_ms()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.sleep(duration)
    }
}

/// What `call` comes to on the thread of a runtime. Ten seconds pass whenever somebody waits for it.
fn on_a_runtime<T: Send + 'static>(
    time: &ManualClock,
    call: impl Future<Output = T> + Send + 'static,
) -> T {
    on_a_runtime_in_steps(time, Duration::from_secs(10), call)
}

fn on_a_runtime_in_steps<T: Send + 'static>(
    time: &ManualClock,
    step: Duration,
    call: impl Future<Output = T> + Send + 'static,
) -> T {
    let (done, is_done) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        done.send(runtime.unwrap().block_on(call)).unwrap();
    });
    for _ in 0..2_000 {
        // Who was woken is given time to go on, also on a busy machine.
        if let Ok(value) = is_done.recv_timeout(Duration::from_millis(30)) {
            return value;
        }
        if time.sleepers() > 0 {
            time.advance(step);
        }
    }
    panic!("not done after a minute");
}

/// What `call` comes to on the thread of a runtime that has a computation in the only place, which
/// cannot go on before `call` has ended.
fn blocking<T: Send + 'static>(call: impl FnOnce(&Cache) -> T + Send + 'static) -> T {
    let time = ManualClock::new();
    let mut config = Config::default();
    config.max_computations = 1;
    let clock = Clock::with_time(Arc::new(Beside(time.clone())));
    let cache = Cache::builder().config(config).clock(clock).build();
    on_a_runtime(&time, async move {
        let key: Key<u64> = ASYNC.key(&1_u64).unwrap();
        let compute = || std::future::pending::<Result<u64, Error>>();
        let mut computing = pin!(cache.get_or_compute(&key, compute));
        let mut context = Context::from_waker(Waker::noop());
        assert!(computing.as_mut().poll(&mut context).is_pending());
        call(&cache)
    })
}

#[test]
fn a_sync_function_goes_on_without_a_place_for_which_it_would_wait_for_ever() {
    let value = blocking(|cache| {
        let kind = Probe::<u64>::new().kind();
        let voice = Voice::new(ErrorProbe::<Infallible>::new(kind).share(), None);
        let call = Call::new(kind, cache, Arguments::new(&SYNC));
        call.run_blocking(None, |_| false, voice, || 2)
    });
    assert_eq!(value, 2);
}

#[test]
fn a_sync_function_does_not_wait_for_long_for_a_leader_that_it_keeps_from_going_on() {
    let time = ManualClock::new();
    let clock = Clock::with_time(Arc::new(Beside(time.clone())));
    let store = Arc::new(ReferenceBackend::new(clock.clone()));
    let cache = Cache::builder().backend(store).clock(clock).build();
    let began_ms = time.clock().monotonic_ms();
    let step = Duration::from_millis(100);
    let value = on_a_runtime_in_steps(&time, step, async move {
        let key: Key<u64> = ASYNC.key(&1_u64).unwrap();
        let (begun, has_begun) = oneshot::channel();
        let compute = || async {
            begun.send(()).unwrap();
            std::future::pending::<Result<u64, Error>>().await
        };
        let mut computing = pin!(cache.get_or_compute(&key, compute));
        tokio::select! {
            _ = &mut computing => panic!("it never ends"),
            begun = has_begun => begun.unwrap(),
        }
        let kind = Probe::<u64>::new().kind();
        let voice = Voice::new(ErrorProbe::<Infallible>::new(kind).share(), None);
        let mut arguments = Arguments::new(&ASYNC);
        arguments.argument(&1_u64);
        let call = Call::new(kind, &cache, arguments);
        call.run_blocking(None, |_| false, voice, || 2)
    });
    assert_eq!(value, 2);
    let took_ms = time.clock().monotonic_ms() - began_ms;
    assert!((8_000..12_000).contains(&took_ms), "{took_ms}");
}

#[test]
fn a_sync_function_whose_error_can_say_so_is_turned_away() {
    let result = blocking(|cache| {
        let kind = (&&&Probe::<Result<u64, Error>>::new()).kind();
        let probe = ErrorProbe::new(kind);
        let voice = Voice::new((&&probe).share(), (&&probe).say());
        let call = Call::new(kind, cache, Arguments::new(&SYNC));
        call.run_blocking(None, |_| false, voice, || Ok(2))
    });
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Overloaded);
}

/// The call of a function of these ids.
fn call_of<M: Many<Id = u64>>(map: M, ids: &[u64]) -> CallMany<M> {
    let mut call = CallMany::new(map);
    for id in ids {
        let mut arguments = Arguments::new(&SYNC);
        arguments.argument(id);
        call.add(*id, arguments, Tags::new());
    }
    call
}

fn doubled(ids: Vec<u64>) -> HashMap<u64, u64> {
    ids.into_iter().map(|id| (id, 2 * id)).collect()
}

#[test]
fn a_sync_function_of_many_ids_goes_on_without_a_place_for_which_it_would_wait_for_ever() {
    let found = blocking(|cache| {
        let map = Probe::<HashMap<u64, u64>>::new().many();
        let voice = Voice::new(ErrorProbe::new(map.one()).share(), None);
        call_of(map, &[1, 2]).run_blocking(cache, None, voice, doubled)
    });
    assert_eq!(found, HashMap::from([(1, 2), (2, 4)]));
}

#[test]
fn a_sync_function_of_many_ids_whose_error_can_say_so_is_turned_away() {
    let result = blocking(|cache| {
        let map = Probe::<Result<HashMap<u64, u64>, Error>>::new().many();
        let probe = ErrorProbe::new(map.one());
        let voice = Voice::new((&&probe).share(), (&&probe).say());
        let compute = |ids| Ok(doubled(ids));
        call_of(map, &[1, 2]).run_blocking(cache, None, voice, compute)
    });
    let kind = result.unwrap_err().kind();
    assert!(
        matches!(kind, ErrorKind::Overloaded | ErrorKind::Timeout),
        "{kind:?}"
    );
}

#[test]
fn a_task_calls_a_sync_function_of_many_ids_as_often_as_it_likes() {
    let time = ManualClock::new();
    let store = Arc::new(ReferenceBackend::new(time.clock()));
    let cache = Cache::builder().backend(store).build();
    let computed = on_a_runtime(&time, async move {
        for id in 0..300 {
            let map = Probe::<HashMap<u64, u64>>::new().many();
            let voice = Voice::new(ErrorProbe::new(map.one()).share(), None);
            call_of(map, &[id]).run_blocking(&cache, None, voice, doubled);
        }
        cache.stats().computed
    });
    assert_eq!(computed, 300);
}
