//! An answer on its way to a reader who may have gone away.

use std::sync::Arc;

use cachekit_core::backend::{Lead, Lookup, Token};
use cachekit_core::key::StoreKey;
use tokio::runtime::Handle;

use crate::store::Store;

/// The answer to a read. If nobody takes it, the lead in it goes back.
#[derive(Debug)]
pub(crate) struct Given {
    store: Arc<Store>,
    key: StoreKey,
    lookup: Lookup,
}

impl Given {
    pub(crate) const fn new(store: Arc<Store>, key: StoreKey, lookup: Lookup) -> Self {
        Self { store, key, lookup }
    }

    pub(crate) fn taken(mut self) -> Lookup {
        std::mem::replace(&mut self.lookup, Lookup::miss(Lead::None))
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        let lookup = std::mem::replace(&mut self.lookup, Lookup::miss(Lead::None));
        let Lead::Mine(token) = lookup.lead else {
            return;
        };
        let unused = Unused {
            store: Arc::clone(&self.store),
            key: self.key.clone(),
            token,
        };
        if let Ok(runtime) = Handle::try_current() {
            drop(runtime.spawn_blocking(move || drop(unused)));
        }
    }
}

/// A lead that goes back when this is dropped: also by a runtime that ends, and runs nothing more.
struct Unused {
    store: Arc<Store>,
    key: StoreKey,
    token: Token,
}

impl Drop for Unused {
    fn drop(&mut self) {
        // A lead that cannot be given back ends with its hold.
        let _ = self.store.release(&self.key, &self.token);
    }
}
