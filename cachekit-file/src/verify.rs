//! Looks at everything in a directory, and changes nothing.

use std::ffi::OsStr;
use std::fs::{Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use cachekit_core::error::{Error, Result};
use rustix::io::Errno;

use crate::backend::FileBackend;
use crate::entry::{HEADER, Header};
use crate::error::from_io;
use crate::file::open;
use crate::head::{HEAD, Head};
use crate::layout::{self, Folder, LOCK, SPARE, TEMP, is_entry, is_folder};
use crate::lock::{LockedFile, lock};
use crate::report::Report;
use crate::usage::{Usage, occupied};
use crate::warm::Reading;

const VERIFY: &str = "file verify";

/// How often what is in use is looked at before its folder is locked.
const ATTEMPTS: usize = 3;

impl FileBackend {
    /// Reads every entry of the directory, and counts what it finds; `progress` is told after each
    /// of the 256 folders. It takes as long as it takes to read all from the disk, and the memory of
    /// the largest entry. Blocking: under an async runtime, call it from the blocking pool.
    ///
    /// Nothing is changed, not even what is damaged, and the directory may be in use meanwhile. Only a
    /// folder that is written to all the time is locked, while its names are listed; and one with a
    /// damaged entry, while that is read once more.
    ///
    /// # Errors
    /// As a read has them; [`Unavailable`](cachekit_core::ErrorKind::Unavailable) also where the
    /// directory is not there. A file that cannot be read is counted.
    pub fn verify(&self, mut progress: impl FnMut(&Report) + Send) -> Result<Report> {
        let directory = &self.store.directory;
        directory.there(VERIFY)?;
        let mut verifier = Verifier {
            now: self.store.clock.unix_ms(),
            max_value: self.store.config.max_value,
            report: Report::default(),
        };
        verifier.top(directory.path()).map_err(failed)?;
        for folder in Folder::all() {
            let folder = folder.path(directory.path());
            verifier.folder(&folder).map_err(failed)?;
            verifier.report.folders += 1;
            progress(&verifier.report);
        }
        Ok(verifier.report)
    }
}

fn failed(error: io::Error) -> Error {
    from_io(VERIFY, error)
}

struct Verifier {
    now: u64,
    max_value: u64,
    report: Report,
}

/// What a folder lists.
struct Listed {
    name: String,
    metadata: Metadata,
}

impl Listed {
    fn is_folder(&self) -> bool {
        is_folder(&self.name) && self.metadata.is_dir()
    }

    fn is_entry(&self) -> bool {
        is_entry(&self.name) && self.metadata.is_file()
    }
}

enum State {
    Gone,
    Unreadable,
    Fresh,
    Stale,
    Over,
    Foreign,
    Torn,
    Altered,
    Misplaced,
    TooLarge,
}

impl Verifier {
    /// Looks for strangers beside the folders.
    fn top(&mut self, directory: &Path) -> io::Result<()> {
        let root = layout::root(directory);
        let beside = [
            layout::budget(directory),
            layout::next_budget(directory),
            layout::cleared(directory),
            layout::collector(directory),
            layout::owners(directory),
        ];
        let listed = list(&root)?;
        let known = |file: &&Listed| file.is_folder() || beside.contains(&root.join(&file.name));
        self.report.strangers += listed.iter().filter(|file| !known(file)).count() as u64;
        Ok(())
    }

    fn folder(&mut self, folder: &Path) -> io::Result<()> {
        let (files, head) = settled(folder)?;
        self.compare(&files, head);
        for file in files {
            if file.is_entry() {
                self.entry(&folder.join(&file.name))?;
            } else if file.name == SPARE {
                self.report.spares += 1;
            } else if file.name.starts_with(TEMP) {
                self.report.temps += 1;
            } else if file.name != LOCK {
                self.report.strangers += 1;
            }
        }
        Ok(())
    }

    /// Compares what a folder holds with what it has written down.
    fn compare(&mut self, files: &[Listed], head: Option<Head>) {
        let counted = files.iter().filter_map(|file| {
            let bytes = occupied(&file.metadata);
            let spare = (file.name == SPARE).then(|| Usage::file(bytes));
            spare.or_else(|| file.is_entry().then(|| Usage::entry(bytes)))
        });
        let counted = counted.fold(Usage::default(), Usage::plus);
        let believed = head.map(|head| head.usage);
        if believed.unwrap_or_default() != counted || (believed.is_none() && !files.is_empty()) {
            self.report.miscounted += 1;
        }
        let believed = believed.unwrap_or_default();
        self.report.bytes += counted.bytes;
        self.report.believed_bytes += believed.bytes;
        self.report.believed_entries += believed.entries;
    }

    fn entry(&mut self, path: &Path) -> io::Result<()> {
        let state = self
            .state(path)
            .or_else(|error| match Errno::from_io_error(&error) {
                Some(Errno::NOENT) => Ok(State::Gone),
                Some(Errno::ACCESS | Errno::PERM | Errno::IO | Errno::NOMEM) => {
                    Ok(State::Unreadable)
                }
                _ => Err(error),
            })?;
        let count = match state {
            State::Gone => return Ok(()),
            State::Unreadable => &mut self.report.unreadable,
            State::Fresh => &mut self.report.fresh,
            State::Stale => &mut self.report.stale,
            State::Over => &mut self.report.over,
            State::Foreign => &mut self.report.foreign,
            State::Torn => &mut self.report.torn,
            State::Altered => &mut self.report.altered,
            State::Misplaced => &mut self.report.misplaced,
            State::TooLarge => &mut self.report.too_large,
        };
        *count += 1;
        Ok(())
    }

    /// What the entry at `path` is, once nobody writes to its file any more.
    fn state(&self, path: &Path) -> io::Result<State> {
        for _ in 0..ATTEMPTS {
            match self.look(path)? {
                State::Torn | State::Altered | State::Misplaced => {}
                state => return Ok(state),
            }
        }
        let _locked = locked(&path.with_file_name(LOCK))?;
        Ok(self.look(path)?)
    }

    fn look(&self, path: &Path) -> rustix::io::Result<State> {
        let file = Reading::Waiting.open(path)?;
        let mut header = [0; HEADER];
        let read = Reading::Waiting.read(&file, &mut header, 0)?;
        let length = rustix::fs::fstat(&file)?.st_size;
        let claim = match Header::read(&header[..read]) {
            Header::Entry(claim) if u64::try_from(length) == Ok(claim.length()) => claim,
            Header::Entry(_) | Header::Damaged => return Ok(State::Torn),
            Header::Foreign => return Ok(State::Foreign),
        };
        if claim.value_length() > self.max_value {
            return Ok(State::TooLarge);
        }
        let length = usize::try_from(length).map_err(|_| Errno::NOMEM)?;
        let mut content = Vec::new();
        let room = content.try_reserve_exact(length);
        room.map_err(|_| Errno::NOMEM)?;
        Reading::Waiting.fill(&file, &mut content, 0)?;
        let Some((key, _)) = claim.split(&content) else {
            return Ok(State::Altered);
        };
        let name = blake3::hash(key).to_hex();
        Ok(if path.file_name() != Some(OsStr::new(name.as_str())) {
            State::Misplaced
        } else if claim.times.is_over(self.now) {
            State::Over
        } else if claim.is_stale() {
            State::Stale
        } else {
            State::Fresh
        })
    }
}

/// What the folder lists, and the head that belongs to it: of one moment, unless there is nothing
/// to lock.
fn settled(folder: &Path) -> io::Result<(Vec<Listed>, Option<Head>)> {
    for _ in 0..ATTEMPTS {
        let before = head(locked(&folder.join(LOCK))?.as_ref())?;
        let files = list(folder)?;
        // Nobody was in the middle of a change, neither before nor after.
        if head(locked(&folder.join(LOCK))?.as_ref())? == before {
            return Ok((files, before));
        }
    }
    let locked = locked(&folder.join(LOCK))?;
    Ok((list(folder)?, head(locked.as_ref())?))
}

/// The lock file at `path`, locked; `None` where there is none, and nobody writes.
fn locked(path: &Path) -> io::Result<Option<LockedFile>> {
    let file = open(OpenOptions::new().read(true), path)?;
    file.map(lock).transpose()
}

/// What a folder has written down.
fn head(locked: Option<&LockedFile>) -> io::Result<Option<Head>> {
    let Some(file) = locked else { return Ok(None) };
    let mut bytes = [0; HEAD];
    let read = file.read_at(&mut bytes, 0)?;
    Ok(Head::parse(&bytes[..read]))
}

/// What is in a folder; nothing, if it is not there.
fn list(folder: &Path) -> io::Result<Vec<Listed>> {
    let files = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        files => files?,
    };
    let mut listed = Vec::new();
    for file in files {
        let file = file?;
        match file.metadata() {
            Ok(metadata) => listed.push(Listed {
                name: file.file_name().to_string_lossy().into_owned(),
                metadata,
            }),
            // It went meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(listed)
}
