//! What was read: whose value, and how old.

use std::time::Duration;

use super::story::{Call, Moment, Story, millis};
use super::{Findings, Rule};
use crate::history::{ComputationEnd, Outcome, Value};
use crate::schedule::Operation;

/// For how long an origin that has failed is left alone, in milliseconds.
const THROTTLE_MS: u64 = 5_000;

pub(super) fn check(story: &Story<'_>, findings: &mut Findings) {
    for read in story.calls.values() {
        for (key, value) in read.all_found() {
            match value {
                Some(value) if value.key != *key => {
                    let text = format!("call {} for key {key} got {value:?}", read.number);
                    findings.violated(Rule::OwnKey, text);
                }
                Some(value) => check_age(story, read, *value, findings),
                None => {}
            }
        }
    }
}

fn check_age(story: &Story<'_>, read: &Call, value: Value, findings: &mut Findings) {
    let writes = story.calls.values();
    let mut binding = writes
        .filter(|write| binds(story, write, read, value.key))
        .peekable();
    findings.tally.bound_reads += u64::from(binding.peek().is_some());
    let older = binding.filter(|write| Some(value.version) < write.written(value.key));
    let mut older = older
        .filter(|write| !is_set_beside(story, value, write))
        .peekable();
    if older.peek().is_none() {
        return;
    }
    match older.find(|write| !may_be_in_grace(story, write, read, value.key)) {
        None => findings.tally.excused_in_grace += 1,
        Some(write) => {
            let text = format!(
                "call {} got {value:?}, although call {} has ended what is older: {:?}",
                read.number, write.number, write.operation
            );
            findings.violated(Rule::Fresh, text);
        }
    }
}

/// Whether `read` must see what `write` has seen.
fn binds(story: &Story<'_>, write: &Call, read: &Call, key: u8) -> bool {
    let done = write.outcome == Some(Outcome::Done) && write.over < read.began;
    if !done || write.written(key).is_none() {
        return false;
    }
    if write.process == read.process {
        return true;
    }
    let bound_ms = l1_bound_ms(story, read.process);
    let age_ms = read.began.at_ms - write.over.at_ms;
    // What one release stores says nothing to the others.
    let reaches = !matches!(write.operation, Operation::Set { .. })
        || story.release(write.process) == story.release(read.process);
    story.schedule.family.shared && reaches && (bound_ms == 0 || age_ms > bound_ms)
}

/// For how long a process may take for fresh what others have ended.
fn l1_bound_ms(story: &Story<'_>, process: usize) -> u64 {
    let age = story.schedule.processes[process].l1_max_age;
    millis(age.unwrap_or_default().min(story.schedule.ttl / 4))
}

/// Whether `value` was set by a writer beside `write`: either may be the last.
fn is_set_beside(story: &Story<'_>, value: Value, write: &Call) -> bool {
    value.set
        && story.calls.values().any(|set| {
            matches!(set.operation, Operation::Set { key } if key == value.key)
                && set.written(value.key) == Some(value.version)
                && set.over > write.began
        })
}

/// Whether `read` may have been given what `write` has ended as what is better than nothing. What
/// was removed is not, unless the process has not seen that since.
fn may_be_in_grace(story: &Story<'_>, write: &Call, read: &Call, key: u8) -> bool {
    let schedule = story.schedule;
    if !matches!(read.operation, Operation::Compute { .. }) {
        return false;
    }
    let could_know = match write.operation {
        Operation::Expire { .. } => false,
        // A tag that nobody can read makes an entry stale.
        Operation::RemoveTag { .. } if story.store_was_in_trouble(write.over.at_ms, read.over) => {
            false
        }
        _ if write.process == read.process => true,
        _ => has_seen(story, write, read, key),
    };
    let waited = Duration::from_millis(read.over.at_ms - read.began.at_ms);
    let while_refreshing = schedule.stale_while_refresh;
    !could_know
        && (while_refreshing || waited >= schedule.timeout || failed_lately(story, key, read))
}

/// Whether the process of `read` had given out what is true after `write` before, and has no flight
/// any more that knows nothing of it.
fn has_seen(story: &Story<'_>, write: &Call, read: &Call, key: u8) -> bool {
    let calls = story.calls.values();
    let mut of_process = calls.filter(|other| other.process == read.process);
    let saw = |other: &Call| {
        let between = other.began > write.over && other.over < read.began;
        let newer = |value: &Value| Some(value.version) >= write.written(key);
        between
            && other
                .found(key)
                .any(|value| value.as_ref().is_none_or(newer))
    };
    let flies = |other: &Call| {
        other.operation.computes() == Some(key)
            && other.began < write.over
            && other.over > read.began
    };
    of_process.clone().any(saw) && !of_process.any(flies)
}

/// Whether a computation of `key` failed before the end of `read`, and no longer ago than what has
/// failed is left alone.
fn failed_lately(story: &Story<'_>, key: u8, read: &Call) -> bool {
    let least_ms = read.began.at_ms.saturating_sub(2 * THROTTLE_MS);
    story.computations.iter().any(|computation| {
        computation.key == key
            && matches!(
                computation.end,
                ComputationEnd::Failed | ComputationEnd::Panicked
            )
            && computation.over < Moment::max(read.over, computation.began)
            && computation.over.at_ms >= least_ms
    })
}
