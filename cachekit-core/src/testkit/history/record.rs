//! One thing that happened, and its line of text.

use std::error::Error;
use std::fmt;
use std::str::{FromStr, SplitAsciiWhitespace};

/// One thing that happened. Processes and keys are numbers that the test gives out: a process that
/// is started in the place of another has a number of its own.
///
/// Its text is one line of words: the kind, then the fields in the order in which they stand here,
/// `-` for what is not known, `fresh` or `stale` for what a reader was told.
///
/// ```
/// use cachekit_core::testkit::history::Record;
///
/// let killed: Record = "killed 4 1500".parse()?;
/// assert_eq!(killed, Record::Killed { process: 4, at: 1500 });
/// let lost = Record::NodeLost { at: 1500, back: None };
/// assert_eq!(lost.to_string(), "node-lost 1500 -");
/// # Ok::<(), cachekit_core::testkit::history::Unreadable>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Record {
    /// A value that a caller was given. Reads that failed are not recorded.
    Read {
        /// Who read.
        process: u32,
        /// What was read.
        key: u32,
        /// Before the call.
        began: u64,
        /// After it.
        ended: u64,
        /// Which version was given.
        version: u64,
        /// Whether the caller was told that the value may be old.
        stale: bool,
    },
    /// What the origin did, best written by the origin itself: it outlives who asked it.
    Computation {
        /// Who asked.
        process: u32,
        /// For what.
        key: u32,
        /// When the origin was asked.
        began: u64,
        /// Before it answered. `None`: it never did, as nobody was there any more.
        ended: Option<u64>,
        /// What it answered, or was about to.
        version: u64,
    },
    /// The source changed, and then somebody said so.
    Invalidation {
        /// Of what.
        key: u32,
        /// Before the call.
        began: u64,
        /// After it. `None`: it failed, or nobody knows.
        ended: Option<u64>,
        /// What the source was at before the call, at least.
        version: u64,
    },
    /// A process was ended without notice.
    Killed {
        /// Which one.
        process: u32,
        /// When, at the latest.
        at: u64,
    },
    /// A node of the store went away, with all it had.
    NodeLost {
        /// When, at the earliest.
        at: u64,
        /// When it could be reached again, empty. `None`: not before the end.
        back: Option<u64>,
    },
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Read {
                process,
                key,
                began,
                ended,
                version,
                stale,
            } => {
                let told = if stale { "stale" } else { "fresh" };
                write!(f, "read {process} {key} {began} {ended} {version} {told}")
            }
            Self::Computation {
                process,
                key,
                began,
                ended,
                version,
            } => {
                let ended = Known(ended);
                write!(f, "computation {process} {key} {began} {ended} {version}")
            }
            Self::Invalidation {
                key,
                began,
                ended,
                version,
            } => {
                let ended = Known(ended);
                write!(f, "invalidation {key} {began} {ended} {version}")
            }
            Self::Killed { process, at } => write!(f, "killed {process} {at}"),
            Self::NodeLost { at, back } => write!(f, "node-lost {at} {}", Known(back)),
        }
    }
}

struct Known(Option<u64>);

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => time.fmt(f),
            None => f.write_str("-"),
        }
    }
}

impl FromStr for Record {
    type Err = Unreadable;

    fn from_str(line: &str) -> Result<Self, Unreadable> {
        let mut words = line.split_ascii_whitespace();
        let record = read(&mut words).filter(|_| words.next().is_none());
        record.ok_or_else(|| Unreadable {
            line: 1,
            text: line.to_owned(),
        })
    }
}

/// Fields are read in the order in which they are written here, which is that of the text.
fn read(words: &mut SplitAsciiWhitespace<'_>) -> Option<Record> {
    Some(match words.next()? {
        "read" => Record::Read {
            process: number(words)?,
            key: number(words)?,
            began: number(words)?,
            ended: number(words)?,
            version: number(words)?,
            stale: match words.next()? {
                "fresh" => false,
                "stale" => true,
                _ => return None,
            },
        },
        "computation" => Record::Computation {
            process: number(words)?,
            key: number(words)?,
            began: number(words)?,
            ended: known(words)?,
            version: number(words)?,
        },
        "invalidation" => Record::Invalidation {
            key: number(words)?,
            began: number(words)?,
            ended: known(words)?,
            version: number(words)?,
        },
        "killed" => Record::Killed {
            process: number(words)?,
            at: number(words)?,
        },
        "node-lost" => Record::NodeLost {
            at: number(words)?,
            back: known(words)?,
        },
        _ => return None,
    })
}

fn number<T: FromStr>(words: &mut SplitAsciiWhitespace<'_>) -> Option<T> {
    words.next()?.parse().ok()
}

/// The outer `None`: not readable.
fn known(words: &mut SplitAsciiWhitespace<'_>) -> Option<Option<u64>> {
    match words.next()? {
        "-" => Some(None),
        time => time.parse().ok().map(Some),
    }
}

/// A line that is not a [`Record`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    line: usize,
    text: String,
}

impl Unreadable {
    /// The same, of the line with this index.
    pub(super) fn at(self, index: usize) -> Self {
        Self {
            line: index + 1,
            ..self
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} is not a record: {:?}", self.line, self.text)
    }
}

impl Error for Unreadable {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::history::History;

    const TEXT: &str = "\
read 3 17 1000 2000 5 fresh
read 3 17 1000 2000 5 stale
computation 3 17 1000 2000 5
computation 3 17 1000 - 5
invalidation 17 1000 2000 5
invalidation 17 1000 - 5
killed 3 1000
node-lost 1000 2000
node-lost 1000 -
";

    #[test]
    fn a_history_reads_what_it_writes() {
        let mut history = History::default();
        history.read(TEXT).unwrap();
        assert_eq!(history.records.len(), 9);
        assert_eq!(history.to_string(), TEXT);
    }

    #[test]
    fn a_last_line_without_an_end_is_left_out() {
        for torn in ["killed 3 10", "computation 3 17 10", "k"] {
            let mut history = History::default();
            history.read(&format!("killed 4 1000\n{torn}")).unwrap();
            let killed = Record::Killed {
                process: 4,
                at: 1000,
            };
            assert_eq!(history.records, [killed]);
        }
        let mut history = History::default();
        history.read("killed 3 10").unwrap();
        assert_eq!(history, History::default());
    }

    #[test]
    fn a_line_that_is_no_record_is_named() {
        for wrong in [
            "",
            "killed",
            "killed 3",
            "killed 3 4 5",
            "killed 4294967296 4",
            "killed 3 -",
            "read 3 17 1000 2000 5",
            "read 3 17 1000 2000 5 old",
            "read 3 17 1000 - 5 fresh",
            "reads 3 17 1000 2000 5 fresh",
            "computation 3 17 1000 -- 5",
            "node-lost 1000",
        ] {
            let text = format!("killed 4 1000\n{wrong}\nkilled 5 1000\n");
            let error = History::default().read(&text).unwrap_err();
            let expected = format!("line 2 is not a record: {wrong:?}");
            assert_eq!(error.to_string(), expected);
        }
    }
}
