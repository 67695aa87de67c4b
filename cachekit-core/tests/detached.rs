//! Computations in a task of their own, as `#[cached]` runs those that own their arguments.

use std::convert::Infallible;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use cachekit_core::cache::{
    Arguments, Cache, Call, ErrorProbe, Function, OfPlain, Probe, ShareNone, Voice,
};
use serde::{Deserialize, Serialize, Serializer};

static FUNCTION: Function = Function::new("tests::detached", "function");

async fn call<V>(
    cache: &Cache,
    unless: fn(&V) -> bool,
    compute: impl Future<Output = V> + Send + 'static,
) -> V
where
    V: Clone + Send + Sync + Serialize + for<'de> Deserialize<'de> + 'static,
{
    let kind = Probe::<V>::new().kind();
    let voice = Voice::new(ErrorProbe::<Infallible>::new(kind).share(), None);
    Call::new(kind, cache, Arguments::new(&FUNCTION))
        .run_detached(None, unless, voice, Box::pin(compute))
        .await
}

/// Whether a caller in a task of its own ends with a panic; false if it does not end.
async fn panics(caller: impl Future<Output = ()> + Send + 'static) -> bool {
    let task = tokio::spawn(caller);
    match tokio::time::timeout(Duration::from_secs(60), task).await {
        Ok(ended) => ended.is_err_and(|error| error.is_panic()),
        Err(_) => false,
    }
}

#[tokio::test]
async fn a_panic_in_the_computation_reaches_its_caller() {
    let caller = async {
        call(&Cache::in_process(), |_| false, async {
            panic!("compute") as u64
        })
        .await;
    };
    assert!(panics(caller).await);
}

#[tokio::test]
async fn a_panic_in_unless_reaches_its_caller() {
    let caller = async {
        call(&Cache::in_process(), |_: &u64| panic!("unless"), async {
            1
        })
        .await;
    };
    assert!(panics(caller).await);
}

#[tokio::test]
async fn a_panic_while_the_value_is_encoded_reaches_its_caller() {
    #[derive(Clone, Deserialize)]
    struct Unwilling;

    impl Serialize for Unwilling {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("serialize")
        }
    }

    let caller = async {
        call(&Cache::in_process(), |_| false, async { Unwilling }).await;
    };
    assert!(panics(caller).await);
}

#[test]
fn a_caller_that_outlives_the_runtime_of_its_computation_does_not_wait_for_ever() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let cache = Cache::in_process();
    let mut caller = pin!(call(&cache, |_| false, std::future::pending::<u64>()));
    let mut poll = || {
        caller
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    };
    {
        let _entered = runtime.enter();
        assert_eq!(poll(), Poll::Pending);
    }
    drop(runtime);
    assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
}
