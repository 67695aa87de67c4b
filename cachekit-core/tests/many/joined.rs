//! Ids that are computed by others.

use std::future::ready;

use tokio::task::JoinHandle;

use super::*;

/// What comes of `task`, while time passes.
async fn in_time<T>(fleet: &Fleet, task: JoinHandle<T>) -> T {
    until(|| {
        fleet.time.advance(Duration::from_millis(10));
        task.is_finished()
    })
    .await;
    task.await.unwrap()
}

#[tokio::test]
async fn a_single_call_waits_for_the_batch_that_computes_its_id() {
    let cache = Cache::in_process();
    let (go, wait) = oneshot::channel::<()>();
    let batch = tokio::spawn({
        let (cache, mut wait) = (cache.clone(), Some(wait));
        async move {
            let compute = |ids| {
                let wait = wait.take().expect("one call");
                async move {
                    wait.await.unwrap();
                    Origin::default().answer(ids)
                }
            };
            cache.get_or_compute_many(&USERS, vec![1, 2], compute).await
        }
    });
    until(|| cache.stats().computed == 2).await;
    let single = tokio::spawn({
        let cache = cache.clone();
        async move {
            let never = pending::<Result<String, Error>>;
            cache.get_or_compute(&key(2), never).await
        }
    });
    until(|| cache.stats().coalesced == 1).await;
    go.send(()).unwrap();
    assert_eq!(batch.await.unwrap().unwrap(), users([1, 2]));
    assert_eq!(single.await.unwrap().unwrap(), "user 2");
}

#[tokio::test]
async fn a_batch_waits_for_the_single_call_that_computes_one_of_its_ids() {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let (go, wait) = oneshot::channel::<()>();
    let single = tokio::spawn({
        let cache = cache.clone();
        async move {
            let compute = || async { wait.await.map(|()| "single".to_owned()) };
            cache.get_or_compute(&key(2), compute).await
        }
    });
    until(|| cache.stats().computed == 1).await;
    let batch = tokio::spawn({
        let (cache, origin) = (cache.clone(), origin.clone());
        async move { origin.get(&cache, &USERS, [1, 2, 3]).await }
    });
    until(|| origin.asked() == [[1, 3]]).await;
    go.send(()).unwrap();
    single.await.unwrap().unwrap();
    assert_eq!(batch.await.unwrap().unwrap()[1], Some("single".to_owned()));
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn two_batches_with_ids_in_common_compute_each_once() {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let get = |ids: [u64; 3]| {
        let (cache, origin) = (cache.clone(), origin.clone());
        tokio::spawn(async move {
            let compute = async |ids| {
                let found = origin.answer(ids);
                tokio::task::yield_now().await;
                found
            };
            let found = cache
                .get_or_compute_many(&USERS, ids.to_vec(), compute)
                .await;
            assert_eq!(found.unwrap(), users(ids));
        })
    };
    let both = [get([1, 2, 3]), get([3, 4, 1])];
    for batch in both {
        batch.await.unwrap();
    }
    assert_eq!(origin.asked(), [vec![1, 2, 3], vec![4]]);
}

/// A batch of two ids, once another process computes the second: the first is computed.
async fn joining(
    fleet: &Fleet,
    here: Cache,
) -> (JoinHandle<Result<Vec<Option<String>>, Error>>, Origin) {
    let (store, origin) = (Arc::clone(&fleet.store), Origin::default());
    let before = store.calls().get;
    until(|| store.calls().get > before).await;
    let batch = tokio::spawn({
        let origin = origin.clone();
        async move { origin.get(&here, &USERS, [1, 2]).await }
    });
    until(|| origin.asked() == [[1]]).await;
    (batch, origin)
}

#[tokio::test]
async fn what_another_process_computes_is_waited_for() {
    let fleet = Fleet::new();
    let (here, there) = (known(&fleet, &USERS).await, known(&fleet, &USERS).await);
    let (go, wait) = oneshot::channel::<()>();
    let single = tokio::spawn(async move {
        let compute = || async { wait.await.map(|()| "there".to_owned()) };
        there.get_or_compute(&key(2), compute).await
    });
    let (batch, origin) = joining(&fleet, here).await;
    go.send(()).unwrap();
    single.await.unwrap().unwrap();
    let found = in_time(&fleet, batch).await.unwrap();
    assert_eq!(found, [Some("user 1".to_owned()), Some("there".to_owned())]);
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn what_another_process_leaves_undone_is_computed_in_a_call_of_its_own() {
    let fleet = Fleet::new();
    let (here, there) = (known(&fleet, &USERS).await, known(&fleet, &USERS).await);
    let single = tokio::spawn(async move {
        let never = pending::<Result<String, Error>>;
        there.get_or_compute(&key(2), never).await
    });
    let (batch, origin) = joining(&fleet, here).await;
    single.abort();
    assert_eq!(in_time(&fleet, batch).await.unwrap(), users([1, 2]));
    assert_eq!(origin.asked(), [[1], [2]]);
}

#[tokio::test]
async fn a_batch_that_is_dropped_hands_its_ids_to_those_who_wait_and_its_leads_back() {
    let fleet = Fleet::new();
    let (cache, other) = (known(&fleet, &USERS).await, known(&fleet, &USERS).await);
    let dropped = tokio::spawn({
        let cache = cache.clone();
        async move {
            let never = |_| pending::<Result<Users, Error>>();
            cache.get_or_compute_many(&USERS, vec![1, 2], never).await
        }
    });
    until(|| cache.stats().computed == 3).await;
    let origin = Origin::default();
    let waiting = tokio::spawn({
        let (cache, origin) = (cache.clone(), origin.clone());
        async move { origin.get(&cache, &USERS, [1]).await }
    });
    until(|| cache.stats().coalesced == 1).await;
    dropped.abort();
    assert_eq!(in_time(&fleet, waiting).await.unwrap(), users([1]));
    let store = Arc::clone(&fleet.store);
    until(|| store.calls().release >= 2).await;
    assert_eq!(origin.get(&other, &USERS, [2]).await.unwrap(), users([2]));
    assert_eq!(origin.asked(), [[1], [2]]);
}

#[tokio::test]
async fn an_id_asked_for_inside_of_its_own_batch_is_computed_past_it() {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let compute = async |ids: Vec<u64>| {
        let inside = origin.get(&cache, &USERS, [2, 3]).await?;
        assert_eq!(inside, users([2, 3]));
        origin.answer(ids)
    };
    let found = cache.get_or_compute_many(&USERS, vec![1, 2], compute).await;
    assert_eq!(found.unwrap(), users([1, 2]));
    assert_eq!(origin.asked(), [[2, 3], [1, 2]]);
    assert_eq!(cache.entries(), 3);
}

/// 100 ids: 40 are stored, 10 are computed by others, of the other 50 the origin lacks 5 and fails
/// for 3.
#[tokio::test]
async fn each_of_a_hundred_ids_has_what_there_is_for_it_and_one_call_is_enough() {
    let cache = Cache::in_process();
    let (go, wait) = oneshot::channel::<()>();
    let user = |id: u64| (id, format!("user {id}"));
    let stored = async |ids: Vec<u64>| Ok::<Users, Error>(ids.into_iter().map(user).collect());
    let forty = cache.get_or_compute_many(&USERS, (0..40).collect(), stored);
    forty.await.unwrap();
    let other = tokio::spawn({
        let (cache, mut wait) = (cache.clone(), Some(wait));
        async move {
            let compute = |ids: Vec<u64>| {
                let wait = wait.take().expect("one call");
                async move {
                    wait.await.unwrap();
                    Ok::<Users, Error>(ids.into_iter().map(user).collect())
                }
            };
            cache
                .get_or_compute_many(&USERS, (40..50).collect(), compute)
                .await
        }
    });
    until(|| cache.stats().computed == 50).await;

    let asked = Arc::new(Mutex::new(Vec::new()));
    let all = tokio::spawn({
        let (cache, asked) = (cache.clone(), Arc::clone(&asked));
        async move {
            let compute = |ids: Vec<u64>| {
                asked.lock().unwrap().push(ids.clone());
                let known = ids.into_iter().filter(|id| *id >= 55).map(user);
                let failing = |(id, user)| {
                    (
                        id,
                        if id < 97 {
                            Ok(user)
                        } else {
                            Err("away".to_owned())
                        },
                    )
                };
                ready(known.map(failing).collect::<HashMap<_, _>>())
            };
            cache
                .get_or_compute_each(&USERS, (0..100).collect(), compute)
                .await
        }
    });
    until(|| !asked.lock().unwrap().is_empty()).await;
    go.send(()).unwrap();
    other.await.unwrap().unwrap();
    let found = all.await.unwrap();
    assert_eq!(*asked.lock().unwrap(), [(50..100).collect::<Vec<_>>()]);
    assert_eq!(found.values().filter(|user| user.is_ok()).count(), 92);
    assert!((50..55).all(|id| !found.contains_key(&id)));
    assert!((97..100).all(|id| found[&id] == Err("away".to_owned())));
}
