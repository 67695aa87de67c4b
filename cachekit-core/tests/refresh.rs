//! Calls that compute although there is something.

use std::pin::pin;
use std::task::{Context, Waker};

use cachekit_core::cache::{
    Arguments, Cache, Call, ErrorProbe, Function, OfResult, Probe, SayNothing, ShareNone, Voice,
};
use tokio::sync::oneshot;

#[derive(Debug, PartialEq)]
struct Down;

type Returned = Result<u64, Down>;

static PATIENT: Function = Function::new("tests::refresh", "patient");

fn voice() -> Voice<Down> {
    let probe = ErrorProbe::new((&&&Probe::<Returned>::new()).kind());
    Voice::new(probe.share(), probe.say())
}

async fn get(
    cache: &Cache,
    function: &'static Function,
    compute: impl Future<Output = Returned>,
) -> Returned {
    let kind = (&&&Probe::<Returned>::new()).kind();
    let call = Call::new(kind, cache, Arguments::new(function));
    call.run_inline(None, |_| false, voice(), compute).await
}

async fn refresh(
    cache: &Cache,
    function: &'static Function,
    compute: impl Future<Output = Returned>,
) -> Returned {
    let kind = (&&&Probe::<Returned>::new()).kind();
    let call = Call::new(kind, cache, Arguments::new(function));
    call.refresh(None, |_| false, voice(), compute).await
}

#[tokio::test]
async fn who_waits_for_a_refresh_that_fails_is_given_what_is_in_grace() {
    let cache = Cache::in_process();
    assert_eq!(get(&cache, &PATIENT, async { Ok(1) }).await, Ok(1));
    let (fail, failed) = oneshot::channel::<()>();
    let mut refreshing = pin!(refresh(&cache, &PATIENT, async {
        let _ = failed.await;
        Err(Down)
    }));
    let mut context = Context::from_waker(Waker::noop());
    assert!(refreshing.as_mut().poll(&mut context).is_pending());
    let mut other = pin!(get(&cache, &PATIENT, async {
        panic!("the other computes")
    }));
    assert!(other.as_mut().poll(&mut context).is_pending());
    fail.send(()).unwrap();
    assert_eq!(refreshing.await, Err(Down));
    assert_eq!(other.await, Ok(1));
}
