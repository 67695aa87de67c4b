//! A long history.

use std::time::Duration;

use cachekit_core::testkit::history::{History, Record, Rule, Rules, check};

use super::rules;

const KEYS: u32 = 100;
const SECOND: u64 = 1_000_000_000;

/// Each key is invalidated every second and computed again at once; all are read all the time.
fn long(seconds: u64, reads_a_second: u64) -> History {
    let mut records = Vec::new();
    for second in 0..seconds {
        let version = second + 1;
        for key in 0..KEYS {
            let began = second * SECOND + u64::from(key);
            records.push(Record::Invalidation {
                key,
                began,
                ended: Some(began + 1000),
                version,
            });
            records.push(Record::Computation {
                process: 1,
                key,
                began: began + 2000,
                ended: Some(began + 3000),
                version,
            });
            for number in 0..reads_a_second {
                let began = began + 2000 + number * (SECOND / 2 / reads_a_second);
                records.push(Record::Read {
                    process: 2,
                    key,
                    began,
                    ended: began + 5000,
                    version,
                    stale: false,
                });
            }
        }
    }
    History { records }
}

#[test]
fn what_is_wrong_in_a_million_records_is_found() {
    let rules = Rules {
        lag: Duration::from_nanos(500),
        ..rules()
    };
    let mut history = long(100, 100);
    assert!(history.records.len() > 1_000_000);
    let findings = check(&history, &rules);
    findings.assert_none();
    assert_eq!(findings.tally.bound_reads, 1_000_000);
    history.records.push(Record::Read {
        process: 2,
        key: 50,
        began: 70 * SECOND + 5000,
        ended: 70 * SECOND + 6000,
        version: 70,
        stale: false,
    });
    history.records.push(Record::Computation {
        process: 3,
        key: 51,
        began: 71 * SECOND + 6000,
        ended: Some(71 * SECOND + 7000),
        version: 72,
    });
    let findings = check(&history, &rules);
    assert_eq!(findings.violations.len(), 2, "{findings}");
    assert_eq!(findings.count(Rule::Fresh), 1);
    assert_eq!(findings.count(Rule::Once), 1);
}
