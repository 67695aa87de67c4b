//! What a node tells to whoever listens: each change of its state, once. Never a key or a value.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::Node;
use crate::config::Address;

/// An event under the names of OpenTelemetry, and the name of the node.
macro_rules! event {
    ($level:ident, $node:ident, $($rest:tt)*) => {
        tracing::$level!(
            db.system.name = "memcached",
            server.address = &*$node.host(),
            server.port = $node.port(),
            node = %$node.name,
            $($rest)*
        )
    };
}

impl Node {
    /// The host of its server, or the path of its socket.
    pub(crate) fn host(&self) -> Cow<'_, str> {
        match &self.address {
            Address::Tcp(host, _) => host.into(),
            Address::Unix(path) => path.to_string_lossy(),
        }
    }

    pub(crate) const fn port(&self) -> Option<u16> {
        match &self.address {
            Address::Tcp(_, port) => Some(*port),
            Address::Unix(_) => None,
        }
    }

    pub(super) fn tell_down(&self, reason: &str) {
        event!(warn, self, reason, "memcached node is down");
        if self.health.is_ejected() {
            self.tell_ejected();
        }
    }

    pub(super) fn tell_ejected(&self) {
        event!(
            warn,
            self,
            "memcached node is ejected: its keys are placed elsewhere"
        );
    }

    pub(super) fn tell_up(&self) {
        event!(info, self, "memcached node is up again");
    }

    pub(super) fn tell_reconnected(&self) {
        event!(info, self, "memcached node is connected again");
    }

    pub(super) fn tell_moved(&self, old: SocketAddr) {
        event!(info, self, %old, "memcached node has moved");
    }

    pub(super) fn tell_replayed(&self, count: u64) {
        if count > 0 {
            event!(
                info,
                self,
                count,
                "memcached node got the deletions that it had missed"
            );
        }
    }
}
