//! Ids that the origin does not have, and origins that fail.

use super::*;

#[tokio::test]
async fn an_id_that_the_origin_does_not_have_is_remembered_only_with_a_negative_ttl() {
    for fleet in [None, Some(Fleet::new())] {
        let cache = fleet
            .as_ref()
            .map_or_else(Cache::in_process, Fleet::process);
        let origin = Origin::default();
        for _ in 0..2 {
            assert_eq!(origin.get(&cache, &USERS, [1_000]).await.unwrap(), [None]);
            assert_eq!(origin.get(&cache, &SOME, [1_000]).await.unwrap(), [None]);
        }
        assert_eq!(origin.asked().len(), 3);
        assert_eq!(cache.stats().absent, 1);
    }
}

#[tokio::test]
async fn it_is_asked_for_again_after_the_negative_ttl() {
    let fleet = Fleet::new();
    let (cache, origin) = (fleet.process(), Origin::default());
    origin.get(&cache, &SOME, [1, 1_000]).await.unwrap();
    fleet.time.advance(Duration::from_secs(21));
    let found = origin.get(&cache, &SOME, [1, 1_000]).await.unwrap();
    assert_eq!(found, [Some("user 1".to_owned()), None]);
    assert_eq!(origin.asked(), [vec![1, 1_000], vec![1_000]]);
}

#[tokio::test]
async fn an_origin_that_fails_says_nothing_of_any_id() {
    let fleet = Fleet::new();
    let (cache, origin) = (fleet.process(), Origin::default());
    origin.set_away(true);
    let failed = origin.get(&cache, &SOME, [1, 1_000]).await.unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Unavailable);
    origin.set_away(false);
    let found = origin.get(&cache, &SOME, [1, 1_000]).await.unwrap();
    assert_eq!(found, [Some("user 1".to_owned()), None]);
    assert_eq!(origin.asked(), [[1, 1_000], [1, 1_000]]);
}

#[tokio::test]
async fn while_the_origin_fails_what_is_in_grace_is_served_and_left_alone_for_a_while() {
    for fleet in [None, Some(Fleet::new())] {
        let time = fleet
            .as_ref()
            .map_or_else(ManualClock::new, |fleet| fleet.time.clone());
        let cache = match &fleet {
            Some(fleet) => fleet.process(),
            None => Cache::builder().clock(time.clock()).build(),
        };
        let origin = Origin::default();
        origin.get(&cache, &USERS, [1, 2]).await.unwrap();
        time.advance(TTL);
        origin.set_away(true);
        assert_eq!(
            origin.get(&cache, &USERS, [1, 2]).await.unwrap(),
            users([1, 2])
        );
        assert_eq!(
            origin.get(&cache, &USERS, [1, 2]).await.unwrap(),
            users([1, 2])
        );
        assert_eq!(origin.asked().len(), 2, "throttled");
        // Only for what has nothing in grace there is an error.
        assert!(origin.get(&cache, &USERS, [1, 3]).await.is_err());
        assert_eq!(origin.asked().last(), Some(&vec![3]));
        assert_eq!(cache.stats().stale, 5);
    }
}

#[tokio::test]
async fn an_origin_that_answers_id_by_id_fails_for_some_of_them() {
    let cache = Cache::in_process();
    let asked = Mutex::new(Vec::new());
    let get = async |ids: Vec<u64>| {
        let compute = async |ids: Vec<u64>| {
            asked.lock().unwrap().push(ids.clone());
            let known = ids.into_iter().filter(|id| *id < 1_000);
            let each = known.map(|id| (id, if id == 2 { Err("away") } else { Ok(id * 10) }));
            each.collect::<HashMap<_, _>>()
        };
        cache.get_or_compute_each(&SOME, ids, compute).await
    };
    let expected = HashMap::from([(1, Ok(10)), (2, Err("away")), (3, Ok(30))]);
    assert_eq!(get(vec![1, 2, 3, 1_000]).await, expected);
    assert_eq!(get(vec![1, 2, 3, 1_000]).await, expected);
    assert_eq!(*asked.lock().unwrap(), [vec![1, 2, 3, 1_000], vec![2]]);
}

#[tokio::test]
async fn a_panic_of_the_origin_is_that_of_the_caller_and_leaves_the_ids_free() {
    let cache = Cache::in_process();
    let panicking = tokio::spawn({
        let cache = cache.clone();
        async move {
            let compute = |_: Vec<u64>| async { panic!("origin") };
            cache
                .get_or_spawn_many::<_, String, Error, _>(&USERS, vec![1], compute)
                .await
        }
    });
    assert!(panicking.await.unwrap_err().is_panic());
    assert_eq!(
        Origin::default().get(&cache, &USERS, [1]).await.unwrap(),
        users([1])
    );
}

#[tokio::test]
async fn what_is_removed_while_it_is_computed_is_given_to_the_caller_and_not_stored() {
    let fleet = Fleet::new();
    let (cache, other) = (fleet.process(), fleet.process());
    let origin = Origin::default();
    let compute = async |ids| {
        other.remove(&key(2)).await.unwrap();
        origin.answer(ids)
    };
    let found = cache.get_or_compute_many(&USERS, vec![1, 2], compute).await;
    assert_eq!(found.unwrap(), users([1, 2]));
    assert_eq!(cache.stats().superseded(), 1);
    let [one, two] = [key(1), key(2)];
    assert!(other.get(&one).await.unwrap().is_some());
    assert!(other.get(&two).await.unwrap().is_none());
}

#[tokio::test]
async fn an_outage_of_the_store_is_no_outage_of_the_origin() {
    let fleet = Fleet::new();
    let (cache, origin) = (fleet.process(), Origin::default());
    fleet.store.set_outage(true);
    assert_eq!(
        origin.get(&cache, &USERS, 1..=3).await.unwrap(),
        users(1..=3)
    );
    assert_eq!(origin.asked().len(), 1);
}
