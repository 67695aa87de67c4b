//! The checker of histories: each rule is kept by histories that may be, and finds those that may
//! not.

mod fresh;
mod journal;
mod many;
mod model;
mod once;
mod replaced;

use std::time::Duration;

use cachekit_core::testkit::history::{Findings, History, Record, Rule, Rules, check};

/// No node is lost, entries live for a minute.
fn rules() -> Rules {
    Rules {
        ttl: Duration::from_secs(60),
        lease: Duration::from_secs(6),
        poll: Duration::from_millis(250),
        lag: Duration::from_millis(500),
        ..Rules::default()
    }
}

/// A history whose times are written in milliseconds.
fn history(text: &str) -> History {
    let mut history = History::default();
    history.read(text).unwrap();
    for record in &mut history.records {
        in_nanoseconds(record);
    }
    history
}

fn in_nanoseconds(record: &mut Record) {
    let scale = |time: &mut u64| *time *= 1_000_000;
    match record {
        Record::Read { began, ended, .. } => {
            scale(began);
            scale(ended);
        }
        Record::Computation { began, ended, .. } | Record::Invalidation { began, ended, .. } => {
            scale(began);
            ended.iter_mut().for_each(scale);
        }
        Record::Killed { at, .. } => scale(at),
        Record::NodeLost { at, back } => {
            scale(at);
            back.iter_mut().for_each(scale);
        }
    }
}

/// What is found in a history by [`rules`] that `change` has changed.
#[track_caller]
fn found_by(change: impl FnOnce(&mut Rules), text: &str) -> Findings {
    let mut rules = rules();
    change(&mut rules);
    check(&history(text), &rules)
}

#[track_caller]
fn found(text: &str) -> Findings {
    found_by(|_| (), text)
}

/// Nothing but one violation of `rule`, with these records, in milliseconds.
#[track_caller]
fn assert_one(findings: &Findings, rule: Rule, records: &str) {
    let [violation] = &findings.violations[..] else {
        panic!("expected one violation: {findings}");
    };
    assert_eq!(violation.rule, rule, "{violation}");
    assert_eq!(violation.records, history(records).records, "{violation}");
}
