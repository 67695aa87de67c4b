//! What a call for many ids costs, and what it gives.

use super::*;

#[tokio::test]
async fn of_a_hundred_ids_the_forty_that_are_stored_are_not_asked_for() {
    let fleet = Fleet::new();
    let (stored, cache) = (fleet.process(), known(&fleet, &USERS).await);
    Origin::default()
        .get(&stored, &USERS, 1..=40)
        .await
        .unwrap();
    let origin = Origin::default();
    let calls = calls(&fleet, async {
        assert_eq!(
            origin.get(&cache, &USERS, 1..=100).await.unwrap(),
            users(1..=100)
        );
    });
    let calls = calls.await;
    assert_eq!(origin.asked(), [(41..=100).collect::<Vec<_>>()]);
    let expected = Calls {
        get_many: 1,
        set_many: 1,
        ..Calls::default()
    };
    assert_eq!(calls, expected);
    let stats = cache.stats();
    assert_eq!((stats.backend_hits, stats.computed), (40, 61));
}

#[tokio::test]
async fn what_this_process_has_is_asked_for_nowhere() {
    let fleet = Fleet::new();
    let (cache, origin) = (fleet.process(), Origin::default());
    origin.get(&cache, &USERS, 1..=3).await.unwrap();
    let calls = calls(&fleet, async {
        assert_eq!(
            origin.get(&cache, &USERS, 1..=3).await.unwrap(),
            users(1..=3)
        );
    });
    assert_eq!(calls.await, Calls::default());
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn the_order_is_that_of_the_ids_and_each_is_asked_for_once() {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let ids = [3, 1, 3, 2, 1];
    assert_eq!(origin.get(&cache, &USERS, ids).await.unwrap(), users(ids));
    assert_eq!(origin.asked(), [[3, 1, 2]]);
    assert_eq!(origin.get(&cache, &USERS, []).await.unwrap(), []);
    assert_eq!(origin.asked().len(), 1);
}

#[tokio::test]
async fn a_single_call_and_a_batch_share_their_entries() {
    let (cache, origin) = (Cache::in_process(), Origin::default());
    let single = async || Ok::<_, Error>("single".to_owned());
    cache.get_or_compute(&key(1), single).await.unwrap();
    let found = origin.get(&cache, &USERS, [1, 2]).await.unwrap();
    assert_eq!(
        found,
        [Some("single".to_owned()), Some("user 2".to_owned())]
    );
    assert_eq!(cache.get(&key(2)).await.unwrap().unwrap(), "user 2");
    assert_eq!(origin.asked(), [[2]]);
}

#[test]
fn a_thread_computes_for_itself_with_and_without_a_store() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    for fleet in [None, Some(Fleet::new())] {
        let cache = fleet
            .as_ref()
            .map_or_else(Cache::in_process, Fleet::process);
        let origin = Origin::default();
        let thread = std::thread::current().id();
        let get = |ids| {
            let compute = |ids| {
                assert_eq!(std::thread::current().id(), thread);
                origin.answer(ids)
            };
            cache
                .get_or_compute_many_blocking(&USERS, ids, compute)
                .unwrap()
        };
        assert_eq!(get(vec![1, 2]), users([1, 2]));
        // The thread of a runtime may be blocked as well.
        assert_eq!(runtime.block_on(async { get(vec![2, 3]) }), users([2, 3]));
        assert_eq!(origin.asked(), [vec![1, 2], vec![3]]);
    }
}

#[tokio::test]
async fn what_the_origin_says_of_its_result_is_said_of_all_ids() {
    let time = ManualClock::new();
    let cache = Cache::builder().clock(time.clock()).build();
    let origin = Origin::default();
    let short = async |ids| {
        Context::current().ttl(Duration::from_secs(1));
        Context::current().not_found_for(HOUR);
        origin.answer(ids)
    };
    let ids = || vec![1, 2, 1_000];
    cache
        .get_or_compute_many(&USERS, ids(), short)
        .await
        .unwrap();
    time.advance(Duration::from_secs(2));
    cache
        .get_or_compute_many(&USERS, ids(), short)
        .await
        .unwrap();
    assert_eq!(origin.asked(), [vec![1, 2, 1_000], vec![1, 2]]);

    let unstored = async |ids| {
        Context::current().no_store();
        origin.answer(ids)
    };
    cache
        .get_or_compute_many(&SOME, ids(), unstored)
        .await
        .unwrap();
    assert!(
        cache
            .get(&SOME.key::<String>(&1_u64).unwrap())
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test]
async fn each_id_has_its_own_tags_and_all_are_read_at_once() {
    let fleet = Fleet::new();
    let (cache, other) = (known(&fleet, &USERS).await, known(&fleet, &USERS).await);
    let origin = Origin::default();
    let get = async |cache: &Cache| {
        let map = Probe::<Result<Users, Error>>::new().many();
        let mut call: CallMany<_> = CallMany::new(map);
        for id in 1..=10_u64 {
            let mut key = Arguments::new(&USERS);
            key.argument(&id);
            let mut tags = Tags::new();
            tags.push("users");
            tags.push(&format!("user:{id}"));
            call.add(id, key, tags);
        }
        let voice = Voice::new((&&&ErrorProbe::new(map.one())).share(), None);
        let found = call.run_inline(cache, None, voice, async |ids| origin.answer(ids));
        assert_eq!(found.await.unwrap().len(), 10);
    };
    get(&cache).await;
    other.remove_tag("user:7").await.unwrap();
    let calls = calls(&fleet, get(&other));
    let expected = Calls {
        // Entries and tags, of all and then of the one whose tag was removed, and its new token.
        get_many: 5,
        set_many: 2,
        ..Calls::default()
    };
    assert_eq!(calls.await, expected);
    assert_eq!(origin.asked(), [(1..=10).collect(), vec![7]]);
    assert_eq!(other.stats().backend_hits, 1 + 9);
}
