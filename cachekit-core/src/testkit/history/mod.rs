//! What processes with one store did together, and whether they may have.
//!
//! Workers write what they read, the origin what it computed, the writer what it invalidated, and
//! whoever ends processes and nodes when that was: each a [`Record`], in a [`Journal`] or directly
//! in a [`History`]. [`check`] then decides, by [`Rules`] that say what the store and its readers
//! promise. It knows nothing of how a cache works, so that any of them can be judged by it.
//!
//! ```
//! use cachekit_core::testkit::history::{History, Rule, Rules, check};
//!
//! // Processes 1 and 2, one key. Version 2 was there before the invalidation began at 5000.
//! let mut history = History::default();
//! history.read(
//!     "computation 1 0 1000 2000 1\n\
//!      read 1 0 900 2100 1 fresh\n\
//!      invalidation 0 5000 6000 2\n\
//!      read 2 0 7000 7100 1 fresh\n",
//! )?;
//! let findings = check(&history, &Rules::default());
//! assert_eq!(findings.violations.len(), 1);
//! assert_eq!(findings.violations[0].rule, Rule::Fresh);
//! println!("{findings}");
//! # Ok::<(), cachekit_core::testkit::history::Unreadable>(())
//! ```
//!
//! # The rules
//!
//! Times are nanoseconds of one clock that all processes share, such as the monotonic clock of
//! their machine. Versions of a key only rise.
//!
//! **Fresh.** A read that was not told that its value is stale is never older than the last
//! invalidation of its key which had completed more than the bound of L1 before the read began. It
//! is the beginning of the read that counts, also where the read is served by a computation that
//! had begun before. A read that overlaps an invalidation may give either version. An invalidation
//! that failed, or whose end nobody saw, binds nobody. After a node was lost, up to the moment when
//! the others have learned of its return, an invalidation binds later, by
//! [`Rules::after_node_loss`].
//!
//! **Computed.** What a read gives, the origin has begun to compute before the read ended. This
//! finds values from nowhere, and histories that are not complete.
//!
//! **Once.** Computations ≤ keys + invalidations + expiries + takeovers + node losses, for each key,
//! hence in sum; and each excuse in its time. The first computation of a key needs none. Between
//! any two that follow each other, the later one has an excuse that no other one takes: what
//! happened before the earlier one took its lead is none.
//! - an invalidation that was under way between the two; one that failed, or never ended, for as long
//!   as [`Rules::late`] says;
//! - the expiry of the entry that stood: [`Rules::ttl`] after the end of the computation that no
//!   other, and no invalidation, has followed before;
//! - a takeover: a process was killed before it can have stored its result, or the computation never
//!   ended for another reason;
//! - the loss of a node, as many times as [`Rules::computations_per_node_loss`] says.
//!
//! **Replaced.** While a read waits, there is no stretch longer than the lease, a second and a poll
//! in which no living process computes its key: a leader that died is replaced, and so is each that
//! died after it. Where readers are given the stale entry meanwhile: a process that has met it for
//! longer than the lease since the leader died, and met it again after that, does so no more. Only
//! computations are seen here: a process that died with the lead before it asked the origin leaves
//! the others waiting for no reason that is written down.

mod by_key;
mod computed;
mod excuses;
mod findings;
mod fresh;
mod journal;
mod once;
mod record;
mod replaced;
mod rules;

use std::fmt;

use by_key::ByKey;

pub use findings::{Findings, Rule, Tally, Violation};
pub use journal::Journal;
pub use record::{Record, Unreadable};
pub use rules::Rules;

/// What was recorded, in any order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Everything that happened.
    pub records: Vec<Record>,
}

impl History {
    /// Adds the records in `text`, one a line. A last line without an end is left out: its writer
    /// died over it.
    ///
    /// # Errors
    /// A line is not a [`Record`]. Those before it have been added.
    pub fn read(&mut self, text: &str) -> Result<(), Unreadable> {
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        for (index, line) in whole.lines().enumerate() {
            let record = line.parse().map_err(|error: Unreadable| error.at(index))?;
            self.records.push(record);
        }
        Ok(())
    }
}

/// One record a line, as [`History::read`] reads them.
impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records
            .iter()
            .try_for_each(|record| writeln!(f, "{record}"))
    }
}

/// Whether what happened is what may happen.
///
/// It takes about a microsecond for each record.
pub fn check(history: &History, rules: &Rules) -> Findings {
    let by_key = ByKey::new(history, rules);
    let mut findings = Findings::default();
    for (key, story) in by_key.stories() {
        fresh::check(&by_key, key, story, &mut findings);
        computed::check(key, story, &mut findings);
        once::check(&by_key, key, story, &mut findings);
        replaced::check(&by_key, key, story, &mut findings);
    }
    findings.violations.sort_by_key(|violation| violation.at);
    findings
}
