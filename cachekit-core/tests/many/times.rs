//! The time of callers, refreshes before their time, and places to compute.

use super::*;

#[tokio::test]
async fn a_task_goes_on_when_its_caller_has_no_more_time_and_ends_when_it_is_dropped() {
    static TIMED: Function =
        Function::new("tests::many", "timed").policy(Policy::new().timeout(Duration::from_secs(1)));
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let origin = Origin::default();
    let spawned = |wait: oneshot::Receiver<()>| {
        let (cache, origin, mut wait) = (cache.clone(), origin.clone(), Some(wait));
        tokio::spawn(async move {
            let compute = move |ids| {
                let (wait, origin) = (wait.take().expect("one call"), origin.clone());
                async move {
                    wait.await.unwrap();
                    origin.answer(ids)
                }
            };
            cache.get_or_spawn_many(&TIMED, vec![1, 2], compute).await
        })
    };
    let (go, wait) = oneshot::channel();
    let timed = spawned(wait);
    until(|| cache.stats().computed == 2).await;
    time.advance(Duration::from_secs(2));
    assert_eq!(timed.await.unwrap().unwrap_err().kind(), ErrorKind::Timeout);
    go.send(()).unwrap();
    until(|| cache.entries() == 2).await;
    assert_eq!(origin.asked(), [[1, 2]]);

    for id in [1_u64, 2] {
        cache
            .remove(&TIMED.key::<String>(&id).unwrap())
            .await
            .unwrap();
    }
    let (go, wait) = oneshot::channel();
    let dropped = spawned(wait);
    until(|| cache.stats().computed == 4).await;
    dropped.abort();
    until(|| go.is_closed()).await;
}

#[tokio::test]
async fn ids_in_their_early_window_are_computed_together_by_one_caller() {
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let origin = Origin::default();
    let slow = async |ids| {
        time.advance(Duration::from_secs(2));
        origin.answer(ids)
    };
    let ids = || vec![1, 2, 3];
    cache
        .get_or_compute_many(&USERS, ids(), slow)
        .await
        .unwrap();
    time.advance(Duration::from_secs(53)); // of at least 54
    let before = cache.stats().refreshed;
    let refreshed = cache
        .get_or_compute_many(&USERS, ids(), slow)
        .await
        .unwrap();
    assert_eq!(refreshed, users([1, 2, 3]));
    assert_eq!(cache.stats().refreshed - before, 3);
    assert_eq!(origin.asked(), [[1, 2, 3], [1, 2, 3]]);
}

#[tokio::test]
async fn in_a_task_nobody_waits_for_what_is_refreshed_early() {
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let (origin, clock) = (Origin::default(), time.clone());
    let slow = async |ids| {
        clock.advance(Duration::from_secs(2));
        origin.answer(ids)
    };
    cache
        .get_or_compute_many(&USERS, vec![1, 2], slow)
        .await
        .unwrap();
    time.advance(Duration::from_secs(53));
    let (go, wait) = oneshot::channel::<()>();
    let (mut wait, asked) = (Some(wait), origin.clone());
    let compute = move |ids| {
        let (wait, origin) = (wait.take().expect("one call"), asked.clone());
        async move {
            wait.await.unwrap();
            origin.answer(ids)
        }
    };
    let found = cache.get_or_spawn_many(&USERS, vec![1, 2], compute).await;
    assert_eq!(found.unwrap(), users([1, 2]));
    assert_eq!(origin.asked().len(), 1);
    go.send(()).unwrap();
    until(|| origin.asked().len() == 2).await;
}

#[tokio::test]
async fn one_place_among_the_computations_is_enough_for_a_batch() {
    let mut config = Config::default();
    config.max_computations = 1;
    let cache = Cache::builder().config(config).build();
    let (other, origin) = (cache.clone(), Origin::default());
    let found = origin.get(&cache, &USERS, 1..=50).await.unwrap();
    assert_eq!(found, users(1..=50));
    // Inside of a computation a batch has the place of that.
    let outer = async || {
        origin
            .get(&other, &USERS, 40..=60)
            .await
            .map(|found| found.len())
    };
    let key: Key<usize> = SOME.key(&"outer").unwrap();
    assert_eq!(cache.get_or_compute(&key, outer).await.unwrap(), 21);
}

#[tokio::test]
async fn a_caller_without_time_is_given_what_is_in_grace() {
    static PATIENT: Function = Function::new("tests::many", "patient").policy(
        Policy::new()
            .ttl(TTL)
            .grace(HOUR)
            .timeout(Duration::from_secs(1)),
    );
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let origin = Origin::default();
    origin.get(&cache, &PATIENT, [1, 2]).await.unwrap();
    time.advance(TTL);
    let waiting = tokio::spawn({
        let cache = cache.clone();
        async move {
            let never = |_| pending::<Result<Users, Error>>();
            cache.get_or_compute_many(&PATIENT, vec![1, 2], never).await
        }
    });
    until(|| cache.stats().computed == 4).await;
    time.advance(Duration::from_secs(1));
    assert_eq!(waiting.await.unwrap().unwrap(), users([1, 2]));
    assert_eq!(cache.stats().timeouts, 2);
}

#[tokio::test]
async fn while_the_store_is_away_batches_are_turned_away_where_that_can_be_said() {
    let fleet = Fleet::new();
    let mut config = Config::default();
    config.max_computations = 1;
    let cache = fleet.process_with(config);
    fleet.store.set_outage(true);
    let busy = tokio::spawn({
        let cache = cache.clone();
        async move {
            let never = |_| pending::<Result<Users, Error>>();
            cache.get_or_compute_many(&USERS, vec![1], never).await
        }
    });
    until(|| cache.stats().computed == 1).await;
    let shed = tokio::spawn({
        let cache = cache.clone();
        async move {
            let never = |_| pending::<Result<Users, Error>>();
            cache.get_or_spawn_many(&USERS, vec![2, 3], never).await
        }
    });
    until(|| cache.stats().computed == 3).await;
    let time = fleet.time.clone();
    until(|| {
        time.advance(Duration::from_millis(100));
        shed.is_finished()
    })
    .await;
    let shed = shed.await.unwrap().unwrap_err();
    assert_eq!(shed.kind(), ErrorKind::Overloaded);
    assert_eq!(cache.stats().shed, 2);
    busy.abort();
}
