//! A file of records that several threads write.

use std::fmt::Write as _;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::Record;

/// From how many bytes on lines are written.
const FULL: usize = 32 * 1024;

/// Writes records to a file, whole lines at a time: what a process had not written yet when it was
/// killed is missing, and no more than the last line of the file is torn.
///
/// A process should have a file of its own. What is written here is added to what is there.
#[derive(Debug)]
pub struct Journal {
    file: File,
    lines: Mutex<String>,
}

impl Journal {
    /// At the end of the file at `path`, which is made if it is not there.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn append_to(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self {
            file,
            lines: Mutex::default(),
        })
    }

    /// Takes a record, and writes those that have come together once there are many.
    ///
    /// # Errors
    /// They cannot be written, and are lost.
    pub fn write(&self, record: &Record) -> io::Result<()> {
        let mut lines = self.lines();
        // A string takes everything.
        let _ = writeln!(lines, "{record}");
        if lines.len() < FULL {
            return Ok(());
        }
        self.write_out(&mut lines)
    }

    /// Writes what was taken so far. It happens as well when a journal is dropped, without a word
    /// about errors.
    ///
    /// # Errors
    /// It cannot be written, and is lost.
    pub fn flush(&self) -> io::Result<()> {
        self.write_out(&mut self.lines())
    }

    fn write_out(&self, lines: &mut String) -> io::Result<()> {
        let written = (&self.file).write_all(lines.as_bytes());
        lines.clear();
        written
    }

    fn lines(&self) -> MutexGuard<'_, String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}
