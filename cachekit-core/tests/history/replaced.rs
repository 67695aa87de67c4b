//! That a leader that died is replaced.

use std::time::Duration;

use cachekit_core::testkit::history::Rule;

use super::{assert_one, found, found_by};

/// The lease is 6 s; with a second for the store and a poll of 250 ms, 7.25 s.
const DIED: &str = "computation 1 7 1000 - 1\nkilled 1 2000\n";

#[test]
fn a_read_over_a_death_waits_for_the_lease_and_the_next_computation() {
    let findings = found(&format!(
        "{DIED}computation 2 7 9250 29000 1\nread 2 7 1500 29250 1 fresh\n"
    ));
    findings.assert_none();
    assert_eq!(findings.tally.reads_over_a_death, 1);
}

#[test]
fn one_that_waits_for_longer_is_found_with_who_died() {
    let read = "read 2 7 1500 29250 1 fresh\n";
    let findings = found(&format!("{DIED}computation 2 7 9251 29000 1\n{read}"));
    assert_one(&findings, Rule::Replaced, &format!("{read}{DIED}"));
}

#[test]
fn a_leader_that_is_not_replaced_is_found_once_for_all_who_wait() {
    let reads: String = (0..50)
        .map(|number| format!("read 2 7 {} 20000 1 fresh\n", 1500 + 50 * number))
        .collect();
    let findings = found(&format!("{DIED}computation 2 7 19000 19500 1\n{reads}"));
    assert_eq!(findings.count(Rule::Replaced), 1);
    assert_eq!(findings.tally.reads_over_a_death, 11);
}

#[test]
fn so_is_one_that_began_after_the_death() {
    let findings = found(&format!(
        "{DIED}computation 2 7 15000 15200 1\nread 2 7 5000 15300 1 fresh\n"
    ));
    assert_one(
        &findings,
        Rule::Replaced,
        &format!("read 2 7 5000 15300 1 fresh\n{DIED}"),
    );
}

#[test]
fn each_death_in_a_row_has_its_own_time() {
    let row = "computation 2 7 9000 - 1\nkilled 2 9100\ncomputation 3 7 16000 - 1\nkilled 3 16100\n\
               computation 4 7 23000 23200 1\n";
    found(&format!("{DIED}{row}read 5 7 1500 23300 1 fresh\n")).assert_none();
}

#[test]
fn a_value_that_is_there_reaches_who_waits() {
    let late = |ended: u64| {
        found(&format!(
            "computation 1 7 1000 1200 1\nread 2 7 1100 {ended} 1 fresh\n"
        ))
    };
    late(8450).assert_none();
    assert_eq!(late(8451).count(Rule::Replaced), 1);
}

#[test]
fn a_slow_computation_is_no_gap() {
    found("computation 1 7 1000 61000 1\nread 1 7 900 61001 1 fresh\n").assert_none();
}

#[test]
fn what_runs_beside_a_death_fills_the_gap() {
    found(&format!(
        "{DIED}invalidation 7 1400 1410 1\ncomputation 2 7 1500 20000 1\n\
         read 3 7 1500 20001 1 fresh\n"
    ))
    .assert_none();
}

#[test]
fn a_read_may_wait_for_longer_while_a_node_is_lost() {
    let lost = "computation 2 7 15000 15200 1\nread 2 7 1500 15300 1 fresh\nnode-lost 5000 9000\n";
    let findings = found_by(
        |rules| rules.after_node_loss = Duration::from_secs(1),
        &format!("{DIED}{lost}"),
    );
    findings.assert_none();
}

/// An entry stands, and its refresh died.
const REFRESH: &str = "computation 1 7 100 200 1\ninvalidation 7 900 910 1\n\
                       computation 1 7 1000 - 1\nkilled 1 2000\n";

#[test]
fn who_is_given_what_is_stale_takes_over_after_the_lease() {
    let reads = "read 2 7 3000 3000 1 stale\nread 2 7 9900 9900 1 stale\n\
                 read 2 7 10001 10001 1 stale\nread 2 7 10501 10501 1 stale\n";
    found(&format!("{REFRESH}{reads}computation 2 7 10502 10600 1\n")).assert_none();
    found(&format!("{REFRESH}{reads}")).assert_none();
    let late = "read 2 7 10502 10502 1 stale\n";
    let findings = found(&format!("{REFRESH}{reads}{late}"));
    assert_one(
        &findings,
        Rule::Replaced,
        &format!("{late}read 2 7 10001 10001 1 stale\ncomputation 1 7 1000 - 1\nkilled 1 2000\n"),
    );
    let replaced = format!("{REFRESH}{reads}{late}computation 2 7 10502 10600 1\n");
    found(&replaced).assert_none();
}

#[test]
fn who_looks_once_in_a_while_takes_over_when_it_looks() {
    let reads = "read 2 7 3000 3000 1 stale\nread 2 7 90000 90000 1 stale\n\
                 computation 2 7 90001 90100 1\n";
    found(&format!("{REFRESH}{reads}")).assert_none();
}

#[test]
fn each_process_has_to_see_it_for_itself() {
    let reads: String = (2..40)
        .map(|process| format!("read {process} 7 {0} {0} 1 stale\n", 3000 + process * 500))
        .collect();
    found(&format!("{REFRESH}{reads}")).assert_none();
}
