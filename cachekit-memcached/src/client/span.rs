//! Calls as tracing shows them, under the names that OpenTelemetry has for databases
//! (<https://opentelemetry.io/docs/specs/semconv/database/database-spans>).

use tracing::Span;
use tracing::field::{Empty, Value, debug};

use crate::error::Failure;
use crate::node::Node;

/// One request to one node, or all of one batch that go there: from when the node was chosen, so
/// that the time it takes to connect is in it. Never a key or a value.
///
/// Where nobody listens to spans of this level, it is an empty value after a look at one static
/// number. Boxed, because every call has room for it while it waits.
#[derive(Debug)]
pub(super) struct CallSpan(Option<Box<Span>>);

impl CallSpan {
    pub(super) fn at(node: &Node) -> Self {
        let span = tracing::debug_span!(
            "memcached",
            otel.kind = "client",
            db.system.name = "memcached",
            db.operation.name = Empty,
            db.operation.batch.size = Empty,
            server.address = &*node.host(),
            server.port = node.port(),
            "error.type" = Empty,
        );
        Self((!span.is_disabled()).then(|| Box::new(span)))
    }

    /// For so many keys; one is no batch.
    pub(super) fn of_batch(node: &Node, size: usize) -> Self {
        let span = Self::at(node);
        if size > 1 {
            span.record("db.operation.batch.size", size);
        }
        span
    }

    pub(super) fn operation(&self, name: &'static str) {
        self.record("db.operation.name", name);
    }

    /// Of many failures the last one is shown.
    pub(super) fn failed(&self, failure: &Failure) {
        self.record("error.type", debug(failure.kind));
    }

    fn record(&self, field: &str, value: impl Value) {
        if let Some(span) = &self.0 {
            span.record(field, value);
        }
    }
}
