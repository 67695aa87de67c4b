//! How often the origin may be asked.

use std::time::Duration;

use cachekit_core::testkit::history::Rule;

use super::{assert_one, found, found_by};

#[test]
fn one_computation_of_a_key_needs_no_excuse() {
    let findings = found("computation 1 7 1000 1200 1\ncomputation 1 8 1000 1200 1\n");
    findings.assert_none();
    assert_eq!(findings.tally.keys, 2);
    assert_eq!(findings.tally.computations, 2);
    assert_eq!(findings.tally.allowed(), 2);
}

#[test]
fn each_one_of_a_stampede_but_the_first_is_found() {
    let all: String = (0..64)
        .map(|process| format!("computation {process} 7 {} 1200 1\n", 1000 + process))
        .collect();
    let findings = found(&all);
    assert_eq!(findings.count(Rule::Once), 63);
    let records = findings.violations[1].records.len();
    assert_eq!(records, 2, "{}", findings.violations[1]);
}

#[test]
fn what_is_too_much_is_shown_with_where_it_began() {
    let findings = found(
        "computation 1 7 1000 1200 1\ninvalidation 7 2000 2010 2\n\
         computation 2 7 2600 2700 2\ncomputation 3 7 2800 2900 2\n",
    );
    let records = "computation 3 7 2800 2900 2\ncomputation 2 7 2600 2700 2\n";
    assert_one(&findings, Rule::Once, records);
    let expected = "a reason of its own after the computation of 2600000000";
    assert_eq!(findings.violations[0].expected, expected);
}

#[test]
fn each_invalidation_excuses_one() {
    let findings = found(
        "computation 1 7 1000 1200 1\n\
         invalidation 7 1100 1110 2\ncomputation 2 7 1150 1300 2\n\
         invalidation 7 1250 1260 3\ncomputation 3 7 1300 1500 3\n",
    );
    findings.assert_none();
    assert_eq!(findings.tally.invalidations, 2);
    assert_eq!(findings.tally.allowed(), 3);
}

#[test]
fn so_does_one_that_failed_and_may_arrive_late() {
    let failed = "computation 1 7 1000 1200 1\ninvalidation 7 2000 - 2\n";
    let late = format!("{failed}computation 2 7 12500 12600 2\n");
    found(&late).assert_none();
    let twice = format!("{late}computation 2 7 12500 12700 2\n");
    assert_eq!(found(&twice).count(Rule::Once), 1);
    // Not when another has needed it, nor for ever.
    let again = format!("{failed}computation 2 7 5000 5100 2\ncomputation 2 7 6000 6100 2\n");
    assert_eq!(found(&again).count(Rule::Once), 1);
    let too_late = format!(
        "{failed}computation 2 7 2200 2300 2\ninvalidation 7 3000 - 3\n\
         computation 2 7 13501 13600 3\ncomputation 2 7 13700 13800 3\n"
    );
    assert_eq!(found(&too_late).count(Rule::Once), 1);
}

#[test]
fn one_that_failed_beside_a_lost_node_may_arrive_when_that_is_back() {
    let lost = |began: u64| {
        found_by(
            |rules| rules.after_node_loss = Duration::from_secs(5),
            &format!(
                "computation 1 7 1000 1200 1\ninvalidation 7 2000 - 2\nnode-lost 3000 30000\n\
                 computation 2 7 {began} {began} 2\n"
            ),
        )
    };
    lost(35_000).assert_none();
}

/// An excuse in the sum that is none in time.
#[test]
fn what_was_invalidated_before_a_lead_was_taken_excuses_no_other() {
    let unread = "computation 1 7 1000 1200 1\n\
                  invalidation 7 2000 2010 2\ninvalidation 7 3000 3010 3\n\
                  invalidation 7 4000 4010 4\n";
    found(&format!("{unread}computation 1 7 6000 6100 4\n")).assert_none();
    let twice = format!("{unread}computation 1 7 6000 6100 4\ncomputation 2 7 6010 6110 4\n");
    let findings = found(&twice);
    assert!(findings.tally.computations < findings.tally.allowed());
    assert_eq!(findings.count(Rule::Once), 1);
}

#[test]
fn nor_does_one_that_begins_after_it() {
    let findings = found(
        "computation 1 7 1000 1200 1\ncomputation 2 7 1300 1400 1\ninvalidation 7 2000 2010 2\n",
    );
    assert_eq!(findings.count(Rule::Once), 1);
}

/// Its lead was given before the invalidation, and ended by it; it asked the origin a little later.
#[test]
fn an_invalidation_between_a_lead_and_its_computation_excuses_the_next() {
    let between = |began: u64| {
        found(&format!(
            "invalidation 7 1000 1010 2\ncomputation 1 7 {began} 2000 2\n\
             computation 2 7 {began} 2001 2\n"
        ))
    };
    between(1510).assert_none();
    assert_eq!(between(1511).count(Rule::Once), 1);
}

#[test]
fn an_invalidation_of_one_key_excuses_no_other_key() {
    let findings = found(
        "computation 1 7 1000 1200 1\ncomputation 2 7 1300 1400 1\ninvalidation 8 1250 1260 2\n",
    );
    assert_eq!(findings.tally.computations, 2);
    assert_eq!(findings.count(Rule::Once), 1);
}

#[test]
fn an_entry_that_has_expired_is_computed_again_and_not_before() {
    let again = |began: u64| {
        let ended = began + 100;
        found(&format!(
            "computation 1 7 1000 1200 1\ncomputation 2 7 {began} {ended} 1\n"
        ))
    };
    let findings = again(61_200);
    findings.assert_none();
    assert_eq!(findings.tally.expiries, 1);
    assert_eq!(again(61_199).count(Rule::Once), 1);
}

#[test]
fn each_expiry_excuses_one() {
    let each: String = (0..10)
        .map(|round| 1000 + round * 60_100)
        .map(|began| format!("computation 1 7 {began} {} 1\n", began + 100))
        .collect();
    let findings = found(&each);
    findings.assert_none();
    assert_eq!(findings.tally.expiries, 9);
    let twice = format!("{each}computation 2 7 61150 61160 1\n");
    assert_eq!(found(&twice).count(Rule::Once), 1);
}

#[test]
fn only_the_entry_that_stands_expires() {
    // That of 1200 was invalidated, that of 40100 has not ended.
    let findings = found(
        "computation 1 7 1000 1200 1\ninvalidation 7 40000 40010 2\n\
         computation 1 7 40050 40100 2\ncomputation 2 7 62000 62100 2\n",
    );
    assert_eq!(findings.tally.expiries, 0);
    assert_eq!(findings.count(Rule::Once), 1);
    // An entry that was invalidated does not expire in addition.
    let findings = found(
        "computation 1 7 1000 1200 1\ninvalidation 7 40000 40010 2\n\
         computation 1 7 62000 62100 2\ncomputation 2 7 62000 62100 2\n",
    );
    assert_eq!(findings.count(Rule::Once), 1);
}

#[test]
fn without_a_ttl_nothing_expires() {
    let years = 10_u64.pow(12);
    let findings = found_by(
        |rules| rules.ttl = Duration::MAX,
        &format!("computation 1 7 1000 1200 1\ncomputation 1 7 {years} {years} 1\n"),
    );
    assert_eq!(findings.count(Rule::Once), 1);
}

#[test]
fn a_computation_that_was_killed_gives_one_takeover() {
    let killed = "computation 1 7 1000 - 1\nkilled 1 1100\ncomputation 2 7 8000 8200 1\n";
    let findings = found(killed);
    findings.assert_none();
    assert_eq!(findings.tally.takeovers, 1);
    let twice = format!("{killed}computation 3 7 8300 8500 1\n");
    assert_eq!(found(&twice).count(Rule::Once), 1);
}

#[test]
fn leaders_that_are_killed_in_a_row_give_one_each() {
    let findings = found(
        "computation 1 7 1000 - 1\nkilled 1 1100\ncomputation 2 7 8000 - 1\nkilled 2 8100\n\
         computation 3 7 15000 - 1\nkilled 3 15100\ncomputation 4 7 22000 22200 1\n",
    );
    findings.assert_none();
    assert_eq!(findings.tally.takeovers, 3);
    assert_eq!(findings.tally.allowed(), 4);
}

#[test]
fn a_process_that_was_killed_before_it_can_have_stored_gives_a_takeover() {
    let stored = |killed: u64| {
        found(&format!(
            "computation 1 7 1000 1200 1\nkilled 1 {killed}\ncomputation 2 7 8000 8200 1\n"
        ))
    };
    stored(1700).assert_none();
    assert_eq!(stored(1701).count(Rule::Once), 1);
}

#[test]
fn so_does_one_whose_question_reached_the_origin_after_its_death() {
    found("killed 1 1000\ncomputation 1 7 1020 1200 1\ncomputation 2 7 8000 8200 1\n")
        .assert_none();
}

#[test]
fn a_death_elsewhere_excuses_nothing() {
    let findings = found(
        "computation 1 7 1000 1200 1\ncomputation 3 8 1000 - 1\nkilled 3 1100\n\
         computation 2 7 8000 8200 1\n",
    );
    assert_eq!(findings.count(Rule::Once), 1);
}

#[test]
fn a_computation_that_was_dropped_excuses_one_as_well() {
    let dropped = "computation 1 7 1000 - 1\ncomputation 2 7 1100 1300 1\n";
    found(dropped).assert_none();
    let twice = format!("{dropped}computation 3 7 1400 1500 1\n");
    assert_eq!(found(&twice).count(Rule::Once), 1);
}

#[test]
fn the_loss_of_a_node_excuses_as_many_as_the_rules_say_in_its_time() {
    let lost = |lines: &str| {
        found_by(
            |rules| {
                rules.after_node_loss = Duration::from_secs(10);
                rules.computations_per_node_loss = 2;
            },
            &format!("computation 1 7 1000 1200 1\nnode-lost 5000 7000\n{lines}"),
        )
    };
    let away = "computation 1 7 5100 5200 1\ncomputation 2 7 7100 7200 1\n";
    let findings = lost(away);
    findings.assert_none();
    assert_eq!(findings.tally.node_losses, 2);
    let thrice = format!("{away}computation 3 7 7300 7400 1\n");
    assert_eq!(lost(&thrice).count(Rule::Once), 1);
    // From ten seconds and the lag after its return on, it excuses nothing.
    let late = |began: u64| {
        lost(&format!(
            "computation 1 7 {began} {began} 1\ncomputation 2 7 {began} {began} 1\n"
        ))
    };
    late(17_500).assert_none();
    assert_eq!(late(17_501).count(Rule::Once), 1);
}
