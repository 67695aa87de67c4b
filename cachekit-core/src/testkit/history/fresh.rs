//! How old a value may be that is called fresh.

use super::by_key::{ByKey, Invalidation, Read, Story};
use super::findings::{Findings, Rule, Violation};
use super::rules::nanos;

pub(super) fn check(by_key: &ByKey<'_>, key: u32, story: &Story, findings: &mut Findings) {
    let completed = completed(&story.invalidations);
    let l1_bound = nanos(by_key.rules.l1_bound);
    findings.tally.reads += story.reads.len() as u64;
    for read in &story.reads {
        if read.stale {
            findings.tally.stale_reads += 1;
            continue;
        }
        let in_time = |one: &Completed<'_>| one.ended.saturating_add(l1_bound) < read.began;
        let in_time = &completed[..completed.partition_point(in_time)];
        let Some(newest) = in_time.last().map(|last| last.newest) else {
            continue;
        };
        findings.tally.bound_reads += 1;
        if read.version >= newest.version {
            continue;
        }
        match binding(by_key, read, newest, in_time) {
            None => findings.tally.reads_excused_by_node_loss += 1,
            Some(invalidation) => findings.violations.push(violation(key, read, invalidation)),
        }
    }
}

/// An invalidation that completed.
struct Completed<'a> {
    invalidation: &'a Invalidation,
    ended: u64,
    /// Of those that completed up to then, the one with the newest version.
    newest: &'a Invalidation,
}

/// In the order in which they completed, as they are given.
fn completed(invalidations: &[Invalidation]) -> Vec<Completed<'_>> {
    let mut newest: Option<&Invalidation> = None;
    let completed = invalidations.iter().filter_map(|invalidation| {
        let ended = invalidation.ended?;
        let before = newest.filter(|newest| newest.version > invalidation.version);
        let newest_now = before.unwrap_or(invalidation);
        newest = Some(newest_now);
        Some(Completed {
            invalidation,
            ended,
            newest: newest_now,
        })
    });
    completed.collect()
}

/// What `read` should have seen: it was invalidated so long before that no lost node makes it count
/// later.
fn binding<'a>(
    by_key: &ByKey<'_>,
    read: &Read,
    newest: &'a Invalidation,
    in_time: &[Completed<'a>],
) -> Option<&'a Invalidation> {
    let later = nanos(by_key.rules.l1_bound).saturating_add(nanos(by_key.rules.after_node_loss));
    let binds = |invalidation: &&Invalidation| {
        let ended = invalidation.ended.unwrap_or(u64::MAX);
        ended.saturating_add(later) < read.began
            || !by_key.is_unsettled(invalidation.began, read.began)
    };
    let all = in_time.iter().map(|one| one.invalidation);
    let newer = all.filter(|one| one.version > read.version);
    Some(newest)
        .filter(binds)
        .or_else(|| newer.filter(binds).max_by_key(|one| one.version))
}

fn violation(key: u32, read: &Read, invalidation: &Invalidation) -> Violation {
    let (least, given) = (invalidation.version, read.version);
    Violation {
        rule: Rule::Fresh,
        key,
        at: read.began,
        expected: format!("version {least} or newer, not {given}"),
        records: vec![read.record(key), invalidation.record(key)],
    }
}
