//! The directories of a size: one for each contender, with the same entries in each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Failed;
use crate::cells::Figures;
use crate::cells::python::Python;
use crate::file::cell::{Caps, Cell, Work};
use crate::file::crew;
use crate::file::disk::{self, Used};
use crate::file::who::Who;

/// Where all directories are made: on the disk of the sources, not on one that is memory.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench-file");

/// What disk there was for each byte of values.
pub(super) const DISK: &str = "disk / payload";

/// A directory of this run, which goes with it.
#[derive(Debug)]
pub(super) struct Root(PathBuf);

impl Root {
    /// Makes it, and removes what runs that were killed have left.
    pub(super) fn make() -> Result<Self, Failed> {
        fs::create_dir_all(ROOT)?;
        let root = fs::canonicalize(ROOT)?;
        for left in fs::read_dir(&root)? {
            let left = left?;
            let runs = Path::new("/proc").join(left.file_name()).exists();
            if !runs {
                println!(
                    "removing what another run has left: {}",
                    left.path().display()
                );
                fs::remove_dir_all(left.path())?;
            }
        }
        let root = root.join(std::process::id().to_string());
        fs::create_dir(&root)?;
        Ok(Self(root))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// All directories of one size of values.
#[derive(Debug)]
pub(super) struct Shelf {
    path: PathBuf,
    pub(super) size: usize,
    pub(super) entries: u64,
    /// The next new key of each owner, and what it occupied when it was full.
    filled: BTreeMap<PathBuf, (u64, Figures)>,
}

impl Shelf {
    pub(super) fn new(root: &Root, name: &str, size: usize, entries: u64) -> Self {
        Self {
            path: root.path().join(name),
            size,
            entries,
            filled: BTreeMap::new(),
        }
    }

    /// Fills the directory of `who` unless it is.
    pub(super) fn fill(&mut self, who: Who, python: Option<&Python>) -> Result<(), Failed> {
        let directory = self.directory(who);
        if self.filled.contains_key(&directory) {
            return Ok(());
        }
        eprintln!("filling {}", directory.display());
        fs::create_dir_all(&self.path)?;
        // Ours refuses what others may write to; let every other find its directory made.
        if who.owner() != Who::Ours {
            fs::create_dir(&directory)?;
        }
        let entries = self.entries;
        let work = Work::Fill {
            first: 0,
            count: entries,
        };
        crew::run(&[self.cell(who.owner(), work)], python)?;
        disk::settle(&self.path)?;
        let payload = (self.size as u64 * entries) as f64;
        let used = Used::of(&directory)?.all as f64 / payload;
        let figures = Figures::from([(DISK.to_owned(), used)]);
        self.filled.insert(directory, (entries, figures));
        Ok(())
    }

    /// What the directory of `who` occupied when it was full.
    pub(super) fn occupied(&self, who: Who) -> Option<Figures> {
        let (_, figures) = self.filled.get(&self.directory(who))?;
        Some(figures.clone())
    }

    /// The first of `count` keys that `who` has not had.
    pub(super) fn new_keys(&mut self, who: Who, count: u64) -> u64 {
        let directory = self.directory(who);
        let Some((next, _)) = self.filled.get_mut(&directory) else {
            return self.entries;
        };
        *next += count;
        *next - count
    }

    /// `who` does `work` here, with room for more than it will put.
    pub(super) fn cell(&self, who: Who, work: Work) -> Cell {
        Cell {
            who,
            directory: self.directory(who),
            size: self.size,
            caps: Caps::ROOM,
            work,
        }
    }

    pub(super) fn directory(&self, who: Who) -> PathBuf {
        self.path.join(format!("{:?}", who.owner()).to_lowercase())
    }

    /// Waits until everything that was written is on the disk.
    pub(super) fn settle(&self) -> Result<(), Failed> {
        disk::settle(&self.path)
    }

    /// Removes everything.
    pub(super) fn remove(&mut self) -> Result<(), Failed> {
        self.filled.clear();
        Ok(fs::remove_dir_all(&self.path)?)
    }
}
