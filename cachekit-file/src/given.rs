//! An answer on its way to a reader who may have gone away.

use std::sync::Arc;

use cachekit_core::backend::{Lead, Lookup};
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
        let (store, key) = (Arc::clone(&self.store), self.key.clone());
        let release = move || {
            // A lead that cannot be given back ends with its hold.
            let _ = store.release(&key, &token);
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(release)),
            Err(_) => release(),
        }
    }
}
