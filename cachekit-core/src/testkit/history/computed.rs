//! That a value comes from the origin.

use super::by_key::{Read, Story};
use super::findings::{Findings, Rule, Violation};

pub(super) fn check(key: u32, story: &Story, findings: &mut Findings) {
    // Of each version, when it was computed first.
    let mut versions: Vec<_> = story
        .computations
        .iter()
        .map(|computation| (computation.version, computation.began))
        .collect();
    versions.sort_unstable();
    versions.dedup_by_key(|(version, _)| *version);
    for read in &story.reads {
        let of_version = versions.binary_search_by_key(&read.version, |(version, _)| *version);
        let began = of_version.ok().map(|index| versions[index].1);
        if began.is_none_or(|began| began > read.ended) {
            findings.violations.push(violation(key, story, read));
        }
    }
}

fn violation(key: u32, story: &Story, read: &Read) -> Violation {
    let mut of_version = story.computations.iter();
    let later = of_version.find(|computation| computation.version == read.version);
    let mut records = vec![read.record(key)];
    records.extend(later.map(|later| later.record(key)));
    Violation {
        rule: Rule::Computed,
        key,
        at: read.ended,
        expected: format!("version {} to be computed before", read.version),
        records,
    }
}
