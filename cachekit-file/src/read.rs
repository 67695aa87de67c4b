//! Reading an entry: open, read, check, close. No lock is taken for an entry that is whole.
//!
//! A write may use the file again that a reader holds open, once its entry was replaced: then the
//! reader finds a mixture, or the entry of another key. Header, checksum and key tell, and the path
//! is opened again; only what it names while nobody changes the folder counts as damaged.

use std::cell::RefCell;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use cachekit_core::backend::Found;
use cachekit_core::clock::Clock;
use cachekit_core::error::Result;
use cachekit_core::key::StoreKey;
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use crate::directory::Directory;
use crate::entry::{Claim, HEADER, Header};
use crate::error::from_io;
use crate::folder::{Folders, LockedFolder};
use crate::layout::Place;
use crate::touch::{Touch, Used};
use crate::warm::{Promise, Reading};

const GET: &str = "file get";

/// How often a path is opened before its folder is locked.
const ATTEMPTS: usize = 3;

/// How much of a file is read at first, into a buffer that each thread makes once: of small
/// entries all.
const FIRST: usize = 16 * 1024;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Reads the entries of a directory.
#[derive(Debug)]
pub(crate) struct Reader {
    directory: Arc<Directory>,
    folders: Arc<Folders>,
    clock: Clock,
    max_value: u64,
    promise: Promise,
    touch: Touch,
}

/// What one attempt saw.
enum Seen {
    Entry(Found),
    /// Nothing that is served: no file, or one of another release, or not a file, or it is over.
    Nothing,
    /// Not whole, or of another key.
    Unsound,
}

/// What a file holds.
enum Content {
    Entry(Claim, Bytes),
    Foreign,
    Unsound,
}

impl Reader {
    pub(crate) fn new(
        directory: Arc<Directory>,
        folders: Arc<Folders>,
        clock: Clock,
        max_value: u64,
    ) -> Self {
        Self {
            directory,
            folders,
            clock,
            max_value,
            promise: Promise::default(),
            touch: Touch::new(),
        }
    }

    /// Reads the entry of `key`, however long that takes; `None` is a miss.
    pub(crate) fn get(&self, key: &StoreKey) -> Result<Option<Found>> {
        self.directory.ready_once(GET)?;
        let place = Place::of(self.directory.path(), key);
        for _ in 0..ATTEMPTS {
            let seen = self.look(Reading::Waiting, &place, key, self.max_value);
            match seen.map_err(|errno| from_io(GET, errno.into()))? {
                Seen::Entry(found) => {
                    self.promise.learn(&place.path);
                    return Ok(Some(found));
                }
                Seen::Nothing => {
                    // No entry, or no directory: only one of them is a miss.
                    self.directory.ready(GET)?;
                    return Ok(None);
                }
                Seen::Unsound => {}
            }
        }
        match self.folders.lock(&self.directory, place.folder) {
            Ok(folder) => self.get_locked(&folder, &place, key),
            // Where nothing can be written, nothing is being written.
            Err(error) if is_read_only(&error) => Ok(None),
            Err(error) => Err(error),
        }
        .map_err(|error| from_io(GET, error))
    }

    /// The same while nobody changes the folder: what is not whole now is damaged.
    pub(crate) fn get_locked(
        &self,
        _folder: &LockedFolder<'_>,
        place: &Place,
        key: &StoreKey,
    ) -> io::Result<Option<Found>> {
        match self.look(Reading::Waiting, place, key, self.max_value)? {
            Seen::Entry(found) => Ok(Some(found)),
            Seen::Nothing | Seen::Unsound => Ok(None),
        }
    }

    /// Reads an entry whose value has at most `most` bytes, if that takes no waiting for a device.
    /// `None` tells nothing, except that [`get`](Self::get) has to find out.
    pub(crate) fn get_warm(&self, key: &StoreKey, most: u64) -> Option<Found> {
        let reading = self.promise.reading()?;
        let place = Place::of(self.directory.path(), key);
        match self.look(reading, &place, key, most.min(self.max_value)) {
            Ok(Seen::Entry(found)) => Some(found),
            Err(Errno::OPNOTSUPP) => {
                self.promise.forget();
                None
            }
            Ok(Seen::Nothing | Seen::Unsound) | Err(_) => None,
        }
    }

    /// Notes the use of entries that were read where nothing may be waited for. To be called by
    /// whoever may wait.
    pub(crate) fn renew_waiting(&self) {
        self.touch.renew_waiting();
    }

    fn look(
        &self,
        reading: Reading,
        place: &Place,
        key: &StoreKey,
        most: u64,
    ) -> rustix::io::Result<Seen> {
        let file = match reading.open(&place.path) {
            // A symbolic link or a socket.
            Err(Errno::NOENT | Errno::LOOP | Errno::NXIO) => return Ok(Seen::Nothing),
            file => file?,
        };
        let (claim, value) = match content(reading, &file, key.as_str(), most) {
            Ok(Content::Entry(claim, value)) => (claim, value),
            Ok(Content::Unsound) => return Ok(Seen::Unsound),
            // A folder or a pipe.
            Ok(Content::Foreign) | Err(Errno::ISDIR | Errno::SPIPE) => return Ok(Seen::Nothing),
            Err(errno) => return Err(errno),
        };
        let now = self.clock.unix_ms();
        if claim.times.is_over(now) {
            return Ok(Seen::Nothing);
        }
        let used = Used {
            file: &file,
            path: &place.path,
            digest: &place.digest,
            at: now,
        };
        if reading == Reading::Waiting {
            self.touch.renew(used);
        } else if !self.touch.renew_later(used) {
            return Err(Errno::WOULDBLOCK);
        }
        Ok(Seen::Entry(Found {
            value,
            left: Some(claim.times.left(now)),
            stale: claim.is_stale(),
        }))
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.renew_waiting();
    }
}

fn is_read_only(error: &io::Error) -> bool {
    use io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(error.kind(), PermissionDenied | ReadOnlyFilesystem)
}

/// The entry of `key` in `file`, if its value has at most `most` bytes.
fn content(reading: Reading, file: &OwnedFd, key: &str, most: u64) -> rustix::io::Result<Content> {
    BUFFER.with_borrow_mut(|buffer| {
        let head_length = HEADER + key.len();
        let first = FIRST.max(head_length);
        if buffer.len() < first {
            buffer.resize(first, 0);
        }
        // A long key before this one left it longer.
        let buffer = &mut buffer[..first];
        let length = reading.read(file, buffer, 0)?;
        let seen_end = length < buffer.len();
        let bytes = &buffer[..length];
        let claim = match Header::read(bytes) {
            Header::Entry(claim) => claim,
            Header::Foreign => return Ok(Content::Foreign),
            Header::Damaged => return Ok(Content::Unsound),
        };
        let Some((head, value)) = bytes.split_at_checked(head_length) else {
            return Ok(Content::Unsound);
        };
        if head[HEADER..] != *key.as_bytes() || claim.value_length() > most {
            return Ok(Content::Unsound);
        }
        let value = if seen_end {
            claim
                .is_true(head, value)
                .then(|| Bytes::copy_from_slice(value))
        } else {
            let value = rest(reading, file, &claim, value)?;
            value
                .filter(|value| claim.is_true(head, value))
                .map(Bytes::from)
        };
        Ok(value.map_or(Content::Unsound, |value| Content::Entry(claim, value)))
    })
}

/// The whole value of a file, of which `beginning` was read; `None` if the file is not as long as
/// its header says: no memory is set aside for what a damaged one claims.
fn rest(
    reading: Reading,
    file: &OwnedFd,
    claim: &Claim,
    beginning: &[u8],
) -> rustix::io::Result<Option<Vec<u8>>> {
    let length = rustix::fs::fstat(file)?.st_size;
    let Ok(value_length) = usize::try_from(claim.value_length()) else {
        return Ok(None);
    };
    if u64::try_from(length) != Ok(claim.length()) || beginning.len() > value_length {
        return Ok(None);
    }
    let mut value = Vec::with_capacity(value_length);
    value.extend_from_slice(beginning);
    let at = (claim.head_length() + beginning.len()) as u64;
    reading.fill(file, &mut value, at)?;
    Ok(Some(value))
}
