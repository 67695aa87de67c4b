//! What whoever listens to `tracing` is told: the names of OpenTelemetry, and never a key or a value.
//!
//! A test binary of its own: `tracing` remembers of each place whether anyone listens there, and may
//! be misled by tests in other threads where nobody does.

mod eventually;

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cachekit_memcached::testkit::{Server, addresses};
use cachekit_memcached::{Client, Config, ErrorKind, Ttl};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, set_default};
use tracing::{Event, Metadata, Subscriber};

use eventually::eventually;

const TTL: Ttl = Ttl::from_secs(300);

/// How long a test waits for what has to happen.
const DEADLINE: Duration = Duration::from_secs(60);

/// Words that every key and every value of these tests contains.
const SECRETS: [&str; 2] = ["hush", "whisper"];

/// Everything that was told. A span stands where it began.
#[derive(Clone, Debug, Default)]
struct Told(Arc<Mutex<Vec<Fields>>>);

type Fields = BTreeMap<&'static str, String>;

struct Collector(Told);

impl Told {
    /// Listens to this thread from now on.
    fn listen() -> (Self, DefaultGuard) {
        let told = Self::default();
        let guard = set_default(Collector(told.clone()));
        (told, guard)
    }

    async fn wait_for(&self, message: &str) {
        eventually(|| async { (!self.events(message).is_empty()).then_some(()) }).await;
    }

    fn spans(&self, operation: &str) -> Vec<Fields> {
        self.with("db.operation.name", operation)
    }

    fn events(&self, message: &str) -> Vec<Fields> {
        self.with("message", message)
    }

    /// Where `field` begins with `text`.
    fn with(&self, field: &str, text: &str) -> Vec<Fields> {
        let told = self.0.lock().unwrap();
        let fits = |fields: &&Fields| fields.get(field).is_some_and(|told| told.starts_with(text));
        told.iter().filter(fits).cloned().collect()
    }

    fn assert_no_secret(&self) {
        let told = format!("{self:?}");
        for secret in SECRETS {
            assert!(!told.contains(secret), "{told}");
        }
    }
}

impl Subscriber for Collector {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("cachekit_memcached")
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut told = self.0.0.lock().unwrap();
        let mut fields = Fields::from([("span", span.metadata().name().to_owned())]);
        span.record(&mut Fill(&mut fields));
        told.push(fields);
        Id::from_u64(told.len() as u64)
    }

    fn record(&self, span: &Id, values: &Record<'_>) {
        let mut told = self.0.0.lock().unwrap();
        let place = usize::try_from(span.into_u64()).unwrap() - 1;
        values.record(&mut Fill(&mut told[place]));
    }

    fn event(&self, event: &Event<'_>) {
        let mut fields = Fields::new();
        event.record(&mut Fill(&mut fields));
        self.0.0.lock().unwrap().push(fields);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

struct Fill<'a>(&'a mut Fields);

impl Visit for Fill<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let text = self.0.entry(field.name()).or_default();
        write!(text, "{value:?}").unwrap();
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }
}

fn client(servers: &[Server]) -> Client {
    // A machine that is busy is no reason for a timeout.
    let config = Config {
        timeout: Duration::from_secs(20),
        connect_timeout: Duration::from_secs(20),
        ..Config::of_servers(addresses(servers)).unwrap()
    };
    Client::new(config).unwrap()
}

fn assert_names(fields: &Fields, server: &Server) {
    let address = server.address();
    let (host, port) = address.split_once(':').unwrap();
    assert_eq!(fields["db.system.name"], "memcached");
    assert_eq!(fields["server.address"], host);
    assert_eq!(fields["server.port"], port);
}

#[tokio::test]
async fn each_call_is_a_span_with_the_names_of_opentelemetry_and_without_its_key() {
    let (told, _guard) = Told::listen();
    let mut servers = [Server::start()];
    let client = client(&servers);
    client.set("hush", "whisper 7", TTL).await.unwrap();
    client.get("hush").await.unwrap();
    client.get_and_touch("hush", TTL).await.unwrap();
    client.increment("hush", 1).await.unwrap_err();
    client.delete("hush").await.unwrap();
    let keys = ["hush 1", "hush 2", "hush 3"];
    client.get_many(&keys).await;
    for operation in ["set", "get", "gat", "incr", "delete"] {
        let spans = told.spans(operation);
        assert!(!spans.is_empty(), "{operation}: {told:?}");
        for span in spans {
            assert_names(&span, &servers[0]);
            let failed = (operation == "incr").then_some("Rejected");
            assert_eq!(span.get("error.type").map(String::as_str), failed);
        }
    }
    let many = told.with("db.operation.batch.size", "3");
    assert_eq!(many.len(), 1);
    assert_eq!(many[0]["db.operation.name"], "get");
    servers[0].kill();
    client.get("hush").await.unwrap_err();
    let failed = told.with("error.type", "Unavailable");
    assert!(failed.iter().any(|span| span["db.operation.name"] == "get"));
    told.assert_no_secret();
}

#[tokio::test]
async fn each_change_of_state_is_an_event() {
    let (told, _guard) = Told::listen();
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let client = client(&servers);
    for number in 0..50 {
        let key = format!("hush:{number}");
        client.set(key, "whisper", TTL).await.unwrap();
    }
    servers[0].kill();
    let mut pending = 0;
    for number in 0..50 {
        let deleted = client.delete(format!("hush:{number}")).await;
        pending += usize::from(deleted.is_err_and(|error| error.kind() == ErrorKind::Pending));
    }
    let down = told.events("memcached node is down");
    assert_eq!(down.len(), 1);
    assert_names(&down[0], &servers[0]);
    assert_eq!(down[0]["node"], servers[0].address());
    assert!(!down[0]["reason"].is_empty());
    assert_eq!(told.events("memcached node is ejected").len(), 1);
    servers[0].restart();
    told.wait_for("memcached node is up again").await;
    assert_eq!(told.events("memcached node is connected again").len(), 1);
    let replayed = told.events("memcached node got the deletions");
    assert_eq!(replayed.len(), 1);
    assert_eq!(replayed[0]["count"], pending.to_string());
    assert_names(&replayed[0], &servers[0]);
    told.assert_no_secret();
}
