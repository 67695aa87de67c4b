//! What is no steady load: a full directory, the collector at work, everything at once.

use std::fs;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::Failed;
use crate::cells::{Figures, RATE, blocking};
use crate::file::cases::MANY;
use crate::file::cell::Work;
use crate::file::churn::{CAP, Churn};
use crate::file::crew;
use crate::file::disk::Used;
use crate::file::load::{Load, Operation};
use crate::file::ours::Ours;
use crate::file::scale::Scale;
use crate::file::shelf::{Root, Shelf};
use crate::file::store::Store as _;
use crate::file::who::Who;

/// Entries over the cap of entries, at the end.
pub(super) const ENTRIES: &str = "entries / cap";
/// The most bytes of disk that entries took at any look, over the cap.
pub(super) const MOST: &str = "most / cap";
/// What is counted and is not there, or is there and not counted, in percent.
pub(super) const DRIFT: &str = "drift %";
/// Calls a second of the writer.
pub(super) const WRITES: &str = "writes/s";

/// Puts into a full directory.
const PUTS: u64 = 1_000;
/// More than any writer writes in its time.
const AT_MOST: u64 = 60_000;
/// Seconds that end no writer that has a number of writes.
const LONG: f64 = 600.0;
/// Keys that are read while the collector works: the newest, so that they are the last to go.
const HOT: u64 = 1_000;
/// How long that takes.
const SECONDS: f64 = 1.0;
/// Between two looks at a directory.
const LOOK: Duration = Duration::from_millis(20);

/// A new process puts where as many entries are as there may be.
pub(super) fn full(shelf: &mut Shelf) -> Result<Figures, Failed> {
    let directory = shelf.directory(Who::Ours);
    let cap = Used::of(&directory)?.entries;
    let first = shelf.new_keys(Who::Ours, PUTS);
    let mut cell = shelf.cell(Who::Ours, new(first, PUTS, LONG));
    cell.caps.entries = cap;
    let mut figures = crew::together(&crew::run(&[cell], None)?);
    let entries = Used::of(&directory)?.entries;
    figures.insert(ENTRIES.to_owned(), entries as f64 / cap as f64);
    Ok(figures)
}

/// Reads of `who`, alone or beside a writer.
pub(super) fn collector(scale: &Scale, shelf: &mut Shelf, who: Who) -> Result<Figures, Failed> {
    let full = shelf.entries;
    let hot = full - HOT.min(full / 4)..full;
    let work = Work::Fill {
        first: hot.start,
        count: hot.end - hot.start,
    };
    crew::run(&[shelf.cell(who, work)], None)?;
    let seconds = SECONDS.min(scale.seconds * 4.0);
    let reads = load(Operation::Get, hot.clone(), 0, seconds);
    let mut cells = vec![shelf.cell(who, reads)];
    let warm = hot.start - (hot.end - hot.start)..hot.start;
    match who {
        Who::Beside => {
            let writes = load(Operation::Overwrite, warm, AT_MOST, seconds);
            cells.push(shelf.cell(who, writes));
        }
        Who::BesideCollector => {
            let first = shelf.new_keys(who, AT_MOST);
            let mut writer = shelf.cell(who, new(first, AT_MOST, seconds));
            writer.caps.entries = full;
            cells.push(writer);
        }
        _ => {}
    }
    let all = crew::run(&cells, None)?;
    let (reader, writer) = all.split_at(1);
    let mut figures = crew::together(reader);
    let writer = crew::together(writer);
    figures.extend(writer.get(RATE).map(|&rate| (WRITES.to_owned(), rate)));
    let entries = Used::of(&shelf.directory(who))?.entries;
    figures.insert(ENTRIES.to_owned(), entries as f64 / full as f64);
    Ok(figures)
}

fn new(first: u64, count: u64, seconds: f64) -> Work {
    load(Operation::New, first..first + count, count, seconds)
}

fn load(operation: Operation, keys: Range<u64>, writes: u64, seconds: f64) -> Work {
    Work::Load(Load {
        operation,
        keys,
        writes,
        seconds,
        may_miss: true,
    })
}

/// Several processes, and looks at their directory meanwhile.
pub(super) fn churn(root: &Root, scale: &Scale) -> Result<Figures, Failed> {
    let shelf = Shelf::new(root, "churn", 0, 0);
    let directory = shelf.directory(Who::Ours);
    fs::create_dir(root.path().join("churn"))?;
    let work = Work::Churn(Churn {
        seconds: scale.churn,
    });
    let mut cell = shelf.cell(Who::Ours, work);
    cell.caps.bytes = CAP;
    let cells = vec![cell.clone(); MANY];
    let over = AtomicBool::new(false);
    let (all, most) = thread::scope(|scope| {
        let looks = scope.spawn(|| most(&directory, &over));
        let all = crew::run(&cells, None);
        over.store(true, Ordering::Relaxed);
        (all, looks.join())
    });
    let most = most.map_err(|_| "the looks panicked")??;
    let mut figures = crew::together(&all?);
    figures.insert(MOST.to_owned(), most as f64 / CAP as f64);
    let ours = blocking(Ours::open(&cell))?;
    figures.insert(DRIFT.to_owned(), ours.drift()?);
    Ok(figures)
}

/// The most bytes that entries took at any look, until it is `over`.
fn most(directory: &Path, over: &AtomicBool) -> Result<u64, Failed> {
    let mut most = 0;
    while !over.load(Ordering::Relaxed) {
        most = most.max(Used::of(directory)?.by_entries);
        thread::park_timeout(LOOK);
    }
    Ok(most)
}
