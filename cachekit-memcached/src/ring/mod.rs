//! Which node a key lies on, and which node stands in when that one is away: pure data, no I/O.

mod ketama;
mod murmur3;
mod rendezvous;

use crate::config::{Hashing, Server};

pub use ketama::{Ketama, Order as KetamaOrder};
pub use murmur3::murmur3_32;
pub use rendezvous::Rendezvous;

/// The placement that a deployment has chosen.
#[derive(Clone, Debug)]
pub enum Ring {
    /// As pymemcache places; weights do not count.
    Rendezvous(Rendezvous),
    /// As libmemcached places.
    Ketama(Ketama),
}

impl Ring {
    /// A ring of `servers`; their indices are those of the nodes.
    #[must_use]
    pub fn new(hashing: Hashing, servers: &[Server]) -> Self {
        let names = servers.iter().map(|server| server.identity(hashing));
        match hashing {
            Hashing::Rendezvous => Self::Rendezvous(Rendezvous::new(names)),
            Hashing::Ketama => {
                Self::Ketama(Ketama::new(names.zip(servers.iter().map(Server::weight))))
            }
        }
    }

    /// The index of the node that `key` belongs to; `None` in a ring without nodes.
    #[must_use]
    pub fn owner(&self, key: &str) -> Option<usize> {
        match self {
            Self::Rendezvous(ring) => ring.owner(key),
            Self::Ketama(ring) => ring.owner(key),
        }
    }

    /// The indices of all nodes, the owner first, then who would be the owner without it, and so
    /// on.
    #[must_use]
    pub fn order(&self, key: &str) -> Order<'_> {
        match self {
            Self::Rendezvous(ring) => Order(Either::Rendezvous(ring.order(key))),
            Self::Ketama(ring) => Order(Either::Ketama(ring.order(key))),
        }
    }
}

/// The nodes that a key belongs to, one after the other.
#[derive(Clone, Debug)]
pub struct Order<'a>(Either<'a>);

#[derive(Clone, Debug)]
enum Either<'a> {
    Rendezvous(std::vec::IntoIter<usize>),
    Ketama(KetamaOrder<'a>),
}

impl Iterator for Order<'_> {
    type Item = usize;

    fn next(&mut self) -> Option<usize> {
        match &mut self.0 {
            Either::Rendezvous(order) => order.next(),
            Either::Ketama(order) => order.next(),
        }
    }
}
