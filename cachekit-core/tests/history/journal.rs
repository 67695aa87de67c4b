//! What several threads and processes write to files.

use std::fs;
use std::path::PathBuf;
use std::thread;

use cachekit_core::testkit::history::{History, Journal, Record};

/// A file that is gone at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let name = format!("cachekit-history-{name}-{}", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn history(&self) -> History {
        let mut history = History::default();
        history.read(&fs::read_to_string(&self.0).unwrap()).unwrap();
        history
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

fn killed(at: u64) -> Record {
    Record::Killed { process: 1, at }
}

#[test]
fn what_threads_write_together_is_read_again() {
    let scratch = Scratch::new("threads");
    let journal = Journal::append_to(&scratch.0).unwrap();
    thread::scope(|scope| {
        for part in 0..4 {
            let journal = &journal;
            scope.spawn(move || {
                for number in 0..5_000 {
                    journal.write(&killed(part * 5_000 + number)).unwrap();
                }
            });
        }
    });
    journal.flush().unwrap();
    let mut records = scratch.history().records;
    records.sort_by_key(|record| match record {
        Record::Killed { at, .. } => *at,
        _ => u64::MAX,
    });
    assert_eq!(records, (0..20_000).map(killed).collect::<Vec<_>>());
}

#[test]
fn a_journal_that_is_dropped_has_written_all_after_what_was_there() {
    let scratch = Scratch::new("dropped");
    for at in [1, 2] {
        let journal = Journal::append_to(&scratch.0).unwrap();
        journal.write(&killed(at)).unwrap();
    }
    assert_eq!(scratch.history().records, [killed(1), killed(2)]);
}

#[test]
fn before_it_is_flushed_a_journal_writes_whole_lines_only() {
    let scratch = Scratch::new("whole");
    let journal = Journal::append_to(&scratch.0).unwrap();
    for at in 0..3_000 {
        journal.write(&killed(at)).unwrap();
    }
    let text = fs::read_to_string(&scratch.0).unwrap();
    assert!(text.ends_with('\n'), "{} bytes", text.len());
    let written = scratch.history().records.len();
    assert!(written > 1_000 && written < 3_000, "{written}");
}
