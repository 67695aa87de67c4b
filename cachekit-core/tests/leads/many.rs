//! Calls for many ids, each of which has a lead of its own.

use std::collections::HashMap;

use super::*;

impl Origin {
    /// A caller for these ids, in a task.
    fn call_many(
        &self,
        cache: &Cache,
        function: &'static Function,
        ids: &[u64],
        takes: Duration,
    ) -> JoinHandle<Vec<Option<u32>>> {
        let (origin, cache, ids) = (self.clone(), cache.clone(), ids.to_vec());
        tokio::spawn(async move {
            let compute = |missing: Vec<u64>| {
                let origin = origin.clone();
                async move {
                    let number = origin.compute(takes).await?;
                    let values: HashMap<u64, u32> =
                        missing.into_iter().map(|id| (id, number)).collect();
                    Ok::<_, Error>(values)
                }
            };
            let found = cache.get_or_compute_many(function, ids, compute).await;
            found.unwrap()
        })
    }
}

#[tokio::test]
async fn an_id_that_another_process_computes_slowly_is_waited_for() {
    static SHARED: Function = Function::new("tests::leads", "shared");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let (one, other) = (process(&fleet).0, process(&fleet).0);
    let slow = origin.call_many(&one, &SHARED, &[1, 2], 40 * SECOND);
    settle().await;
    let batch = origin.call_many(&other, &SHARED, &[1, 2, 3], SECOND);
    until_done(&fleet, || slow.is_finished() && batch.is_finished()).await;
    assert_eq!(slow.await.unwrap(), [Some(1), Some(1)]);
    assert_eq!(batch.await.unwrap(), [Some(1), Some(1), Some(2)]);
    let stats = other.stats();
    assert_eq!((stats.leads_won, stats.leads_waited), (1, 2));
}

#[tokio::test]
async fn each_id_whose_value_is_too_large_is_marked() {
    static LARGE_ONES: Function = Function::new("tests::leads", "large_ones");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let small = || {
        let mut wire = Wire::new(&fleet.store);
        wire.most = 48;
        process_over(&fleet, wire).0
    };
    let (one, other) = (small(), small());
    for cache in [&one, &other] {
        let batch = origin.call_many(cache, &LARGE_ONES, &[1, 2], SECOND);
        until_done(&fleet, || batch.is_finished()).await;
    }
    assert_eq!((one.stats().too_large, one.stats().leads_won), (2, 2));
    assert_eq!((other.stats().uncacheable, other.stats().leads_won), (2, 0));
}

#[tokio::test]
async fn each_lead_of_a_dead_process_is_replaced() {
    static LEFT: Function = Function::new("tests::leads", "left");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let ((leader, wire), (other, _)) = (process(&fleet), process(&fleet));
    let _dead = origin.call_many(&leader, &LEFT, &[1, 2], 100 * SECOND);
    settle().await;
    wire.cut(true);
    let batch = origin.call_many(&other, &LEFT, &[1, 2], SECOND);
    let took = until_done(&fleet, || batch.is_finished()).await;
    assert!(took <= HOLD + POLL + 2 * SECOND, "{took:?}");
    assert_eq!(batch.await.unwrap(), [Some(2), Some(2)]);
    assert_eq!(other.stats().leads_taken_over, 2);
}

#[tokio::test]
async fn the_lead_of_a_dead_process_is_used_while_another_id_is_still_waited_for() {
    static MIXED: Function = Function::new("tests::leads", "mixed");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let ((dying, wire), (slow, _)) = (process(&fleet), process(&fleet));
    let (other, bystander) = (process(&fleet).0, process(&fleet).0);
    let _dead = origin.call_many(&dying, &MIXED, &[1, 2], 100 * SECOND);
    let slow = origin.call_many(&slow, &MIXED, &[3], 50 * SECOND);
    settle().await;
    wire.cut(true);
    let batch = origin.call_many(&other, &MIXED, &[1, 2, 3], SECOND);
    pass(&fleet, HOLD + POLL).await;
    assert_eq!(other.stats().leads_taken_over, 2);
    let waits = origin.call(&bystander, &MIXED, SECOND);
    let took = until_done(&fleet, || waits.is_finished()).await;
    assert!(took <= SECOND + 2 * POLL, "{took:?}");
    assert!(!slow.is_finished() && !batch.is_finished());
    until_done(&fleet, || batch.is_finished()).await;
    assert_eq!(batch.await.unwrap(), [Some(3), Some(3), Some(2)]);
    assert_eq!(origin.begun(), 3);
}

#[tokio::test]
async fn two_who_share_out_the_leads_of_a_dead_process_do_not_wait_for_each_other() {
    static SHARED_OUT: Function = Function::new("tests::leads", "shared_out");
    let fleet = Fleet::new();
    let origin = Origin::new(&fleet);
    let ids: Vec<u64> = (0..10).collect();
    let (dying, wire) = process(&fleet);
    let _dead = origin.call_many(&dying, &SHARED_OUT, &ids, 100 * SECOND);
    settle().await;
    wire.cut(true);
    let heirs = [process(&fleet).0, process(&fleet).0];
    let batches = heirs.map(|cache| origin.call_many(&cache, &SHARED_OUT, &ids, SECOND));
    let took = until_done(&fleet, || batches.iter().all(JoinHandle::is_finished)).await;
    assert!(took <= HOLD + 2 * POLL + 4 * SECOND, "{took:?}");
}

#[tokio::test]
async fn computations_that_wait_for_ids_of_each_other_come_apart() {
    static F: Function = Function::new("tests::leads", "f_of_many");
    static G: Function = Function::new("tests::leads", "g_of_many");
    let fleet = Fleet::new();
    let calls = [(&F, &G), (&G, &F)].map(|(outer, inner)| {
        let (cache, clock) = (process(&fleet).0, fleet.time.clock());
        tokio::spawn(async move {
            let compute = || async {
                clock.sleep(SECOND).await;
                let ones = |missing: Vec<u64>| async move {
                    let ones = missing.into_iter().map(|id| (id, 1));
                    Ok::<_, Error>(ones.collect::<HashMap<u64, u32>>())
                };
                let inner = cache.get_or_compute_many(inner, vec![1], ones).await?;
                Ok::<_, Error>(inner[0].unwrap_or_default() + 1)
            };
            cache.get_or_compute(&key(outer), compute).await.unwrap()
        })
    });
    let took = until_done(&fleet, || calls.iter().all(JoinHandle::is_finished)).await;
    assert!(took <= 10 * SECOND, "{took:?}");
}
