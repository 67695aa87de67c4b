//! redb: a transaction for each call.

use bytes::Bytes;
use redb::{
    ConcurrencyMode, Database, Durability, ReadableDatabase as _, TableDefinition, TableError,
};

use crate::Failed;
use crate::file::cell::Cell;
use crate::file::keys::{Key, check};
use crate::file::store::Store;

const TABLE: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("cache");

/// One process has it for itself; nothing is synced before the end.
#[derive(Debug)]
pub(crate) struct Alone(Database);

/// Several processes write; every write is synced, as redb asks for where they do.
#[derive(Debug)]
pub(crate) struct Shared(Database);

fn database(cell: &Cell, mode: ConcurrencyMode) -> Result<Database, Failed> {
    let mut builder = Database::builder();
    builder.set_concurrency_mode(mode);
    Ok(builder.create(cell.directory.join("redb"))?)
}

fn get(database: &Database, key: &Key, size: usize) -> Result<bool, Failed> {
    let transaction = database.begin_read()?;
    let table = match transaction.open_table(TABLE) {
        Err(TableError::TableDoesNotExist(_)) => return Ok(false),
        table => table?,
    };
    let value = table.get(key.text.as_str())?;
    check(key, value.as_ref().map(|value| value.value()), size)
}

fn put(
    database: &Database,
    key: &Key,
    value: &Bytes,
    durability: Durability,
) -> Result<(), Failed> {
    let mut transaction = database.begin_write()?;
    transaction.set_durability(durability)?;
    transaction
        .open_table(TABLE)?
        .insert(key.text.as_str(), &value[..])?;
    Ok(transaction.commit()?)
}

fn clear(database: &Database) -> Result<(), Failed> {
    let transaction = database.begin_write()?;
    transaction.delete_table(TABLE)?;
    Ok(transaction.commit()?)
}

impl Store for Alone {
    async fn open(cell: &Cell) -> Result<Self, Failed> {
        Ok(Self(database(cell, ConcurrencyMode::ExclusiveWriter)?))
    }

    async fn get(&mut self, key: &Key, size: usize) -> Result<bool, Failed> {
        get(&self.0, key, size)
    }

    async fn put(&mut self, key: &Key, value: &Bytes) -> Result<(), Failed> {
        put(&self.0, key, value, Durability::None)
    }

    async fn clear(&mut self, _: &Cell) -> Result<(), Failed> {
        clear(&self.0)
    }

    /// Syncs what the transactions have left.
    async fn close(self) -> Result<(), Failed> {
        Ok(self.0.begin_write()?.commit()?)
    }
}

impl Store for Shared {
    async fn open(cell: &Cell) -> Result<Self, Failed> {
        Ok(Self(database(cell, ConcurrencyMode::MultiWriter)?))
    }

    async fn get(&mut self, key: &Key, size: usize) -> Result<bool, Failed> {
        get(&self.0, key, size)
    }

    async fn put(&mut self, key: &Key, value: &Bytes) -> Result<(), Failed> {
        put(&self.0, key, value, Durability::Immediate)
    }

    async fn clear(&mut self, _: &Cell) -> Result<(), Failed> {
        clear(&self.0)
    }
}
