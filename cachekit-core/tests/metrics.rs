//! What is told to a recorder of the `metrics` facade.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachekit_core::Error;
use cachekit_core::cache::{Cache, Function, Key};
use cachekit_core::testkit::Fleet;
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, KeyName, Metadata, Recorder, SharedString,
    Unit,
};

/// Counters by their names and labels, and of histograms how many values they have.
#[derive(Default)]
struct Recorded(Mutex<BTreeMap<String, Arc<Figure>>>);

#[derive(Default)]
struct Figure(AtomicU64);

impl CounterFn for Figure {
    fn increment(&self, value: u64) {
        self.0.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.fetch_max(value, Ordering::Relaxed);
    }
}

impl HistogramFn for Figure {
    fn record(&self, _value: f64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Recorded {
    fn figure(&self, key: &metrics::Key) -> Arc<Figure> {
        let labels = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()));
        let labels: Vec<_> = labels.collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::clone(self.0.lock().unwrap().entry(name).or_default())
    }

    /// Those of one function.
    fn of(&self, function: &str) -> Vec<(String, u64)> {
        let all = self.0.lock().unwrap();
        let label = format!("function=tests.metrics.{function}");
        all.iter()
            .filter(|(name, _)| name.contains(&label))
            .map(|(name, figure)| (name.replace(&label, ""), figure.0.load(Ordering::Relaxed)))
            .collect()
    }
}

impl Recorder for Recorded {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &metrics::Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.figure(key))
    }

    fn register_gauge(&self, _: &metrics::Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &metrics::Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.figure(key))
    }
}

async fn call(cache: &Cache, key: &Key<u64>) {
    let compute = || async { Ok::<_, Error>(7) };
    cache.get_or_compute(key, compute).await.unwrap();
}

fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(test);
}

#[test]
fn hits_in_this_process_are_told_with_the_next_other_event_and_by_stats() {
    static FUNCTION: Function = Function::new("tests::metrics", "hits");
    let recorded = Recorded::default();
    let hits = || {
        let figures = recorded.of("hits");
        let name = "cachekit_hits_total{,layer=process}";
        figures
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, count)| *count)
    };
    metrics::with_local_recorder(&recorded, || {
        block_on(async {
            let cache = Cache::in_process();
            let (one, other) = (FUNCTION.key(&1).unwrap(), FUNCTION.key(&2).unwrap());
            call(&cache, &one).await;
            call(&cache, &one).await;
            call(&cache, &one).await;
            assert_eq!(hits(), None);
            call(&cache, &other).await;
            assert_eq!(hits(), Some(2));
            call(&cache, &one).await;
            assert_eq!(hits(), Some(2));
            let _ = cache.stats();
            assert_eq!(hits(), Some(3));
        });
    });
}

#[test]
fn every_function_has_counters_of_its_own_without_keys_or_values() {
    static FUNCTION: Function = Function::new("tests::metrics", "fleet");
    let recorded = Recorded::default();
    metrics::with_local_recorder(&recorded, || {
        block_on(async {
            let fleet = Fleet::new();
            let key = FUNCTION.key(&1).unwrap();
            call(&fleet.process(), &key).await;
            call(&fleet.process(), &key).await;
            fleet.time.advance(Duration::from_secs(301));
            call(&fleet.process(), &key).await;
        });
    });
    let expected = [
        ("cachekit_computation_seconds{}", 2),
        ("cachekit_computations_total{}", 2),
        ("cachekit_events_total{,event=lead_won}", 2),
        ("cachekit_hits_total{,layer=backend}", 1),
        ("cachekit_misses_total{,reason=cold}", 1),
        ("cachekit_misses_total{,reason=expired}", 1),
        ("cachekit_saved_seconds{}", 1),
    ];
    let expected = expected.map(|(name, count)| (name.to_owned(), count));
    assert_eq!(recorded.of("fleet"), expected);
}
