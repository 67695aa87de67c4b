//! What is asked of every contender.

use std::fs;

use bytes::Bytes;

use crate::Failed;
use crate::file::cell::Cell;
use crate::file::keys::Key;

/// A store in a directory, as one process uses it. One that blocks never waits in an await.
pub(super) trait Store: Sized + Send + 'static {
    /// The store in the directory of `cell`, which is there.
    fn open(cell: &Cell) -> impl Future<Output = Result<Self, Failed>> + Send;

    /// Whether it is there; an error if it is not the value of `size` bytes that belongs to `key`.
    fn get(&mut self, key: &Key, size: usize) -> impl Future<Output = Result<bool, Failed>> + Send;

    fn put(&mut self, key: &Key, value: &Bytes) -> impl Future<Output = Result<(), Failed>> + Send;

    /// Waits until as many values as are put one after the other may be put without loss.
    fn settle(&mut self) -> impl Future<Output = Result<(), Failed>> + Send {
        async { Ok(()) }
    }

    /// Removes every entry; what has no call for it is emptied from outside.
    fn clear(&mut self, cell: &Cell) -> impl Future<Output = Result<(), Failed>> + Send {
        async { Ok(fs::remove_dir_all(&cell.directory)?) }
    }

    /// Leaves everything for the next process.
    fn close(self) -> impl Future<Output = Result<(), Failed>> + Send {
        async { Ok(()) }
    }
}
