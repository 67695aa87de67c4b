//! How old what is called fresh may be, and where it comes from.

use cachekit_core::testkit::history::Rule;

use super::{assert_one, found, found_by, history};
use std::time::Duration;

/// Version 1 is computed, version 2 is there from 5000 on, and an invalidation says so.
const COMPUTED: &str = "\
computation 1 7 1000 1200 1
invalidation 7 5000 5100 2
computation 2 7 5150 5300 2
";

fn with(lines: &str) -> String {
    format!("{COMPUTED}{lines}")
}

#[test]
fn a_read_before_an_invalidation_gives_the_old_version() {
    let findings = found(&with("read 1 7 3000 3001 1 fresh\n"));
    findings.assert_none();
    assert_eq!(findings.tally.bound_reads, 0);
}

#[test]
fn a_read_after_an_invalidation_gives_the_new_version() {
    let findings = found(&with("read 1 7 5101 5400 2 fresh\n"));
    findings.assert_none();
    assert_eq!(findings.tally.bound_reads, 1);
}

#[test]
fn an_old_version_after_an_invalidation_is_found_with_both() {
    let findings = found(&with("read 3 7 5101 5102 1 fresh\n"));
    let records = "read 3 7 5101 5102 1 fresh\ninvalidation 7 5000 5100 2\n";
    assert_one(&findings, Rule::Fresh, records);
    let text = findings.violations[0].to_string();
    let expected = "fresh: key 7 at 5101000000: expected version 2 or newer, not 1\n  \
                    read 3 7 5101000000 5102000000 1 fresh\n  \
                    invalidation 7 5000000000 5100000000 2";
    assert_eq!(text, expected);
}

#[test]
fn a_read_that_overlaps_an_invalidation_may_give_either() {
    let within = "read 1 7 5050 5060 1 fresh\nread 2 7 5050 5400 2 fresh\n";
    let around = "read 1 7 4900 5600 1 fresh\nread 2 7 5099 5600 1 fresh\n";
    let touching = "read 1 7 5100 5101 1 fresh\n";
    for lines in [within, around, touching] {
        found(&with(lines)).assert_none();
    }
}

/// Where it is served by a computation that had begun before: its beginning is not that of a read.
#[test]
fn it_is_the_beginning_of_a_read_that_counts() {
    let slow = "computation 1 7 4000 6000 1\ninvalidation 7 5000 5100 2\n\
                computation 2 7 5150 5300 2\n";
    found(&format!("{slow}read 1 7 5050 6000 1 fresh\n")).assert_none();
    let joined = found(&format!("{slow}read 1 7 5200 6000 1 fresh\n"));
    assert_eq!(joined.count(Rule::Fresh), 1);
}

#[test]
fn who_is_told_that_a_value_is_stale_may_be_given_an_old_one() {
    let findings = found(&with("read 1 7 9000 9001 1 stale\n"));
    findings.assert_none();
    assert_eq!(findings.tally.stale_reads, 1);
}

#[test]
fn l1_may_give_an_old_version_for_its_bound_and_no_longer() {
    let bound = |line: &str| found_by(|rules| rules.l1_bound = Duration::from_secs(1), &with(line));
    bound("read 1 7 6100 6101 1 fresh\n").assert_none();
    let findings = bound("read 1 7 6101 6102 1 fresh\n");
    assert_eq!(findings.count(Rule::Fresh), 1);
}

#[test]
fn an_invalidation_without_an_end_binds_nobody() {
    let failed = "computation 1 7 1000 1200 1\ninvalidation 7 5000 - 2\n";
    let findings = found(&format!("{failed}read 1 7 9000 9001 1 fresh\n"));
    findings.assert_none();
    assert_eq!(findings.tally.bound_reads, 0);
}

#[test]
fn the_newest_version_binds_although_an_older_invalidation_ends_later() {
    let overtaken = "computation 1 7 100 200 2\ninvalidation 7 5000 5100 3\n\
                     invalidation 7 4000 5200 2\n";
    let findings = found(&format!("{overtaken}read 1 7 5300 5301 2 fresh\n"));
    let records = "read 1 7 5300 5301 2 fresh\ninvalidation 7 5000 5100 3\n";
    assert_one(&findings, Rule::Fresh, records);
}

#[test]
fn an_invalidation_says_nothing_of_other_keys() {
    let findings = found(&with(
        "computation 1 8 1000 1200 1\nread 1 8 6000 6001 1 fresh\n",
    ));
    findings.assert_none();
    assert_eq!(findings.tally.bound_reads, 0);
}

#[test]
fn around_the_loss_of_a_node_an_invalidation_may_count_later_and_not_for_ever() {
    let lost = |lines: &str| {
        found_by(
            |rules| {
                rules.after_node_loss = Duration::from_secs(10);
                rules.computations_per_node_loss = 2;
            },
            &with(lines),
        )
    };
    let old = |began: u64| format!("read 1 7 {began} {began} 1 fresh\n");
    let down = "node-lost 5500 6000\n";
    let findings = lost(&format!("{down}{}", old(15_100)));
    findings.assert_none();
    assert_eq!(findings.tally.reads_excused_by_node_loss, 1);
    // Ten seconds after the invalidation, and with a node that is long back.
    for lines in [
        format!("{down}{}", old(15_101)),
        format!("node-lost 2000 -\n{}", old(15_101)),
        format!("node-lost 1000 -5000\n{}", old(5_500)).replace("-5000", "1500"),
    ] {
        let expected = usize::from(!lines.contains("1500"));
        assert_eq!(lost(&lines).count(Rule::Fresh), expected, "{lines}");
    }
    // Not around it.
    let before = format!("node-lost 5600 6000\n{}", old(5_500));
    assert_eq!(lost(&before).count(Rule::Fresh), 1);
    let long_before = "computation 1 7 40000 41000 2\ncomputation 1 7 30000 30100 1\n\
                       node-lost 1000 2000\ninvalidation 7 40000 40010 2\n\
                       read 1 7 40020 40021 1 fresh\n";
    assert_eq!(lost(long_before).count(Rule::Fresh), 1);
}

#[test]
fn a_value_that_nobody_computed_is_found() {
    for told in ["fresh", "stale"] {
        let findings = found(&with(&format!("read 1 7 9000 9001 3 {told}\n")));
        let records = format!("read 1 7 9000 9001 3 {told}\n");
        assert_one(&findings, Rule::Computed, &records);
    }
}

#[test]
fn so_is_one_that_was_given_before_it_was_computed() {
    found(&with("read 1 7 4000 5150 2 fresh\n")).assert_none();
    let findings = found(&with("read 1 7 4000 5149 2 fresh\n"));
    let records = "read 1 7 4000 5149 2 fresh\ncomputation 2 7 5150 5300 2\n";
    assert_one(&findings, Rule::Computed, records);
}

#[test]
fn a_version_of_another_key_is_no_version_of_this_one() {
    let other = history("computation 1 8 1000 1100 9\nread 1 7 2000 2001 9 fresh\n");
    let text = other.to_string();
    let mut read = cachekit_core::testkit::history::History::default();
    read.read(&text).unwrap();
    let findings = cachekit_core::testkit::history::check(&read, &super::rules());
    assert_eq!(findings.count(Rule::Computed), 1);
}
