//! What was read: whose value, and how old.

use std::time::Duration;

use super::story::{Call, Computation, Moment, Story, millis};
use super::{Findings, Rule};
use crate::history::By;
use crate::history::{ComputationEnd, Outcome, Value};
use crate::operation::{Operation, Says};

/// For how long an origin that has failed is left alone, in milliseconds.
const THROTTLE_MS: u64 = 5_000;

/// How long it takes at most to hand the lead back before a flight lands whose caller has left it,
/// in milliseconds: two long steps of the clock.
pub(super) const LANDING_MS: u64 = 12_000;

pub(super) fn check(story: &Story<'_>, findings: &mut Findings) {
    for read in story.calls.values() {
        for (key, value) in read.all_found() {
            match value {
                Some(value) if value.key != *key => {
                    let text = format!("call {} for key {key} got {value:?}", read.number);
                    findings.violated(Rule::OwnKey, text);
                }
                Some(value) => {
                    check_age(story, read, *value, findings);
                    check_told(story, read, *value, findings);
                }
                None => check_absence(story, read, *key, findings),
            }
        }
    }
}

fn check_age(story: &Story<'_>, read: &Call, value: Value, findings: &mut Findings) {
    let writes = story.calls.values();
    let binding: Vec<_> = writes
        .filter(|write| binds(story, write, read, value.key))
        .collect();
    tell(story, read, &binding, findings);
    let older = binding
        .into_iter()
        .filter(|write| Some(value.version) < write.written(value.key));
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

fn tell(story: &Story<'_>, read: &Call, binding: &[&Call], findings: &mut Findings) {
    if binding.is_empty() {
        return;
    }
    let has_l1 = story.schedule.processes[read.process].l1_max_age.is_some();
    findings.tally.bound_reads += 1;
    findings.tally.bound_without_l1 += u64::from(!has_l1);
    let by_namespace = |write: &&&Call| write.operation == Operation::RemoveNamespace;
    findings.tally.to_the_point += u64::from(binding.iter().any(|write| by_namespace(&write)));
}

/// What is not to be stored is for those who wait for it, or for its caller alone.
fn check_told(story: &Story<'_>, read: &Call, value: Value, findings: &mut Findings) {
    let By::Origin { call, says } = value.by else {
        return;
    };
    if says == Says::Nothing {
        return;
    }
    findings.tally.to_the_point += 1;
    if call == read.number {
        return;
    }
    let own = |computation: &&Computation| computation.call == call && computation.key == value.key;
    let computation = story.computations.iter().find(own);
    let landed_ms = |computation: &Computation| {
        let left = story.calls[&call].over < computation.over;
        let late_ms = if left { LANDING_MS } else { 0 };
        let over = story.calls[&call].over.max(computation.over);
        over.at_ms.saturating_add(late_ms)
    };
    let waited = computation.is_some_and(|own| read.began.at_ms <= landed_ms(own));
    if says == Says::NoStore || !waited {
        let text = format!("call {} got {value:?}", read.number);
        findings.violated(Rule::NotStored, text);
    }
}

/// A call for many is told that there is nothing by an origin that has said so, and not before
/// what others have written since.
fn check_absence(story: &Story<'_>, read: &Call, key: u8, findings: &mut Findings) {
    if !matches!(read.operation, Operation::ComputeMany { .. }) {
        return;
    }
    findings.tally.to_the_point += 1;
    let binding = story.calls.values();
    let binding: Vec<_> = binding
        .filter(|write| binds(story, write, read, key))
        .collect();
    let said = |version: Option<u32>| {
        story.computations.iter().any(|computation| {
            computation.key == key
                && computation.end == ComputationEnd::Absent
                && computation.over < read.over
                && version.is_none_or(|version| computation.version >= version)
        })
    };
    let excused = |write: &&Call| may_be_in_grace(story, write, read, key);
    let unsaid = |write: &&Call| !said(write.written(key)) && !excused(write);
    if !said(None) || binding.iter().any(unsaid) {
        let text = format!("call {} was told that there is no key {key}", read.number);
        findings.violated(Rule::Absence, text);
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
    let bound_ms = match write.operation {
        Operation::RemoveNamespace => token_bound_ms(story, read.process),
        _ => l1_bound_ms(story, read.process),
    };
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

/// For how long it may use the token of a namespace that others have removed.
pub(super) fn token_bound_ms(story: &Story<'_>, process: usize) -> u64 {
    millis(
        story.schedule.processes[process]
            .l1_max_age
            .unwrap_or_default(),
    )
}

/// Whether `value` was set by a writer beside `write`: either may be the last.
fn is_set_beside(story: &Story<'_>, value: Value, write: &Call) -> bool {
    value.by == By::Writer
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
    if read.operation.origin().is_none() {
        return false;
    }
    let could_know = match write.operation {
        Operation::Expire { .. } => false,
        // A tag that nobody can read makes an entry stale.
        Operation::RemoveTag { .. } if story.store_was_in_trouble(write.over.at_ms, read.over) => {
            false
        }
        _ if write.process == read.process => true,
        // Nor can a process that cannot read the token of a namespace know that another removed it.
        Operation::RemoveNamespace if story.store_was_in_trouble(write.over.at_ms, read.over) => {
            false
        }
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
        other.operation.computes(key) && other.began < write.over && other.over > read.began
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
