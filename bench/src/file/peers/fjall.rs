//! fjall: one keyspace. Nothing is synced before the end.

use bytes::Bytes;
use fjall::{Database, Keyspace, KeyspaceCreateOptions, PersistMode};

use crate::Failed;
use crate::file::cell::Cell;
use crate::file::keys::{Key, check};
use crate::file::store::Store;

pub(crate) struct Table {
    database: Database,
    entries: Keyspace,
}

impl Store for Table {
    async fn open(cell: &Cell) -> Result<Self, Failed> {
        let database = Database::builder(&cell.directory).open()?;
        let entries = database.keyspace("cache", KeyspaceCreateOptions::default)?;
        Ok(Self { database, entries })
    }

    async fn get(&mut self, key: &Key, size: usize) -> Result<bool, Failed> {
        check(key, self.entries.get(&key.text)?, size)
    }

    async fn put(&mut self, key: &Key, value: &Bytes) -> Result<(), Failed> {
        Ok(self.entries.insert(&key.text, &value[..])?)
    }

    async fn clear(&mut self, _: &Cell) -> Result<(), Failed> {
        Ok(self.entries.clear()?)
    }

    async fn close(self) -> Result<(), Failed> {
        Ok(self.database.persist(PersistMode::SyncAll)?)
    }
}
