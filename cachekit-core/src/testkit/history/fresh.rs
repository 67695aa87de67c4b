//! How old a value may be that is called fresh.

use super::by_key::{ByKey, Invalidation, Read, Story};
use super::findings::{Findings, Rule, Violation};
use super::rules::nanos;

pub(super) fn check(by_key: &ByKey<'_>, key: u32, story: &Story, findings: &mut Findings) {
    let binding = Binding::new(&story.invalidations);
    let l1_bound = nanos(by_key.rules.l1_bound);
    findings.tally.reads += story.reads.len() as u64;
    for read in &story.reads {
        if read.stale {
            findings.tally.stale_reads += 1;
            continue;
        }
        let Some((least, ended_in_time)) = binding.before(read.began, l1_bound) else {
            continue;
        };
        findings.tally.bound_reads += 1;
        if read.version >= least {
            continue;
        }
        match newest_that_binds(by_key, read, ended_in_time) {
            None => findings.tally.reads_excused_by_node_loss += 1,
            Some(invalidation) => findings.violations.push(violation(key, read, invalidation)),
        }
    }
}

/// The invalidations of a key that completed, and which version they have brought about together.
struct Binding<'a> {
    completed: Vec<(u64, &'a Invalidation)>,
    newest: Vec<u64>,
}

impl<'a> Binding<'a> {
    fn new(invalidations: &'a [Invalidation]) -> Self {
        let completed: Vec<_> = invalidations
            .iter()
            .filter_map(|invalidation| Some((invalidation.ended?, invalidation)))
            .collect();
        let newest = completed.iter().scan(0, |newest, (_, invalidation)| {
            *newest = invalidation.version.max(*newest);
            Some(*newest)
        });
        Self {
            newest: newest.collect(),
            completed,
        }
    }

    /// The least version of a read that began then, and what makes it so: nothing, if no
    /// invalidation had completed more than the bound before.
    fn before(&self, began: u64, l1_bound: u64) -> Option<(u64, &[(u64, &'a Invalidation)])> {
        let in_time = |(ended, _): &(u64, _)| ended.saturating_add(l1_bound) < began;
        let count = self.completed.partition_point(in_time);
        let least = *self.newest[..count].last()?;
        Some((least, &self.completed[..count]))
    }
}

/// What was invalidated so long ago that no lost node makes it count later.
fn newest_that_binds<'a>(
    by_key: &ByKey<'_>,
    read: &Read,
    ended_in_time: &[(u64, &'a Invalidation)],
) -> Option<&'a Invalidation> {
    let later = nanos(by_key.rules.l1_bound).saturating_add(nanos(by_key.rules.after_node_loss));
    ended_in_time
        .iter()
        .filter(|(_, invalidation)| invalidation.version > read.version)
        .filter(|(ended, invalidation)| {
            ended.saturating_add(later) < read.began
                || !by_key.is_unsettled(invalidation.began, read.began)
        })
        .map(|(_, invalidation)| *invalidation)
        .max_by_key(|invalidation| invalidation.version)
}

fn violation(key: u32, read: &Read, invalidation: &Invalidation) -> Violation {
    Violation {
        rule: Rule::Fresh,
        key,
        at: read.began,
        expected: format!(
            "version {} or newer, not {}",
            invalidation.version, read.version
        ),
        records: vec![read.record(key), invalidation.record(key)],
    }
}
