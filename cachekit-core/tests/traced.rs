//! What is told to a subscriber of `tracing`.

use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachekit_core::Error;
use cachekit_core::cache::{Cache, Function, Key};
use cachekit_core::testkit::ManualClock;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// All that was told, a line each.
#[derive(Clone, Default)]
struct Told {
    lines: Arc<Mutex<Vec<String>>>,
    spans: Arc<AtomicU64>,
}

/// The fields of one line.
struct Fields(String);

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.push_str(&format!(" {field}={value:?}"));
    }
}

impl Told {
    fn line(&self, what: &str, record: impl FnOnce(&mut Fields)) {
        let mut fields = Fields(what.to_owned());
        record(&mut fields);
        self.lines.lock().unwrap().push(fields.0);
    }

    /// Those that have to do with `function`.
    fn of(&self, function: &str) -> Vec<String> {
        let mut lines = self.lines.lock().unwrap().clone();
        lines.retain(|line| line.contains(function));
        lines
    }
}

impl Subscriber for Told {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cachekit")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        self.line(span.metadata().name(), |fields| span.record(fields));
        Id::from_u64(self.spans.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn event(&self, event: &Event<'_>) {
        self.line("event", |fields| event.record(fields));
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn block_on(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(test);
}

#[test]
fn a_computation_runs_in_a_span_and_what_is_served_in_its_place_is_told() {
    static FUNCTION: Function = Function::new("tests::traced", "told");
    let told = Told::default();
    tracing::subscriber::with_default(told.clone(), || {
        block_on(async {
            let time = ManualClock::new();
            let cache = Cache::builder().clock(time.clock()).build();
            let key: Key<String> = FUNCTION.key(&"secret argument").unwrap();
            let compute = || async {
                tracing::info!(target: "cachekit::test", "tests.traced.told computes");
                Ok::<_, Error>("secret value".to_owned())
            };
            cache.get_or_compute(&key, compute).await.unwrap();
            cache.get_or_compute(&key, compute).await.unwrap();
            time.advance(Duration::from_secs(301));
            let away = || async { Err("secret error") };
            assert_eq!(
                cache.get_or_compute(&key, away).await.unwrap(),
                "secret value"
            );
        });
    });
    let function = "function=\"tests.traced.told\"";
    let event = |name: &str| format!("event message=cache {function} event=\"{name}\"");
    let expected = [
        event("cold"),
        event("computed"),
        format!("cachekit.compute {function}"),
        "event message=tests.traced.told computes".to_owned(),
        event("expired"),
        event("computed"),
        format!("cachekit.compute {function}"),
        event("failed"),
        event("stale"),
    ];
    assert_eq!(told.of("tests.traced.told"), expected);
    assert!(told.of("secret").is_empty());
}
