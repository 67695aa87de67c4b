//! Entries that have no grace, of functions whose entries have it.

use cachekit_core::cache::{Context, Policy};

use super::*;

const POLICY: Policy = Policy::new().ttl(Duration::from_secs(300));

/// Has a process compute a value that takes four seconds, is fresh for a minute and has no grace.
async fn computed(fleet: &Fleet, origin: &Origin, function: &'static Function) {
    let (cache, origin) = (process(fleet).0, origin.clone());
    let computed = tokio::spawn(async move {
        let compute = || async {
            let context = Context::current();
            context.ttl(MINUTE);
            context.grace(Duration::ZERO);
            origin.compute(4 * SECOND).await
        };
        cache.get_or_compute(&key(function), compute).await
    });
    until_done(fleet, || computed.is_finished()).await;
    computed.await.unwrap().unwrap();
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn they_are_led_in_their_own_window_and_not_before() {
    static BRIEF: Function = Function::new("tests::leads", "brief").policy(POLICY);
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    computed(&fleet, &origin, &BRIEF).await;
    let before = fleet.store.calls().release;
    for _ in 0..3 {
        let reader = process(&fleet).0;
        let read = origin.call(&reader, &BRIEF, Duration::ZERO);
        assert_eq!(
            until_done(&fleet, || read.is_finished()).await,
            Duration::ZERO
        );
        assert_eq!((read.await.unwrap(), reader.stats().leads_won), (1, 0));
        pass(&fleet, 12 * SECOND).await;
    }
    assert_eq!(
        fleet.store.calls().release,
        before,
        "nothing was led and handed back"
    );
    // It is fresh for 54 s at least and 60 at most, the last 16 of them early.
    pass(&fleet, 9 * SECOND).await;
    let reader = process(&fleet).0;
    let refreshed = origin.call(&reader, &BRIEF, Duration::ZERO);
    until_done(&fleet, || refreshed.is_finished()).await;
    assert_eq!((reader.stats().refreshed, origin.begun()), (1, 2));
}

#[tokio::test]
async fn they_are_never_served_after_their_ttl() {
    static OVER: Function = Function::new("tests::leads", "over").policy(POLICY);
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    computed(&fleet, &origin, &OVER).await;
    pass(&fleet, MINUTE).await;
    let reader = process(&fleet).0;
    assert_eq!(reader.get(&key(&OVER)).await.unwrap(), None);
    let failed = reader
        .get_or_compute(&key(&OVER), || async { Err::<u32, _>("failed") })
        .await;
    assert_eq!(failed, Err("failed"));
    assert_eq!(reader.stats().expired, 1);
}

#[tokio::test]
async fn the_lead_of_what_has_less_grace_than_others_is_handed_back_until_it_is_early() {
    static LESS: Function = Function::new("tests::leads", "less").policy(POLICY);
    let fleet = Fleet::new();
    let brief = || async {
        Context::current().grace(SECOND);
        Ok::<_, Error>(1)
    };
    let first = process(&fleet).0;
    first.get_or_compute(&key(&LESS), brief).await.unwrap();
    for _ in 0..3 {
        let before = fleet.store.calls().release;
        let reader = process(&fleet).0;
        let compute = || async { panic!("it is fresh") };
        let read = reader
            .get_or_compute::<_, _, Error, _>(&key(&LESS), compute)
            .await;
        assert_eq!(read.unwrap(), 1);
        settle().await;
        assert_eq!(fleet.store.calls().release, before + 1);
        assert_eq!(reader.stats().leads_lost, 0);
    }
}
