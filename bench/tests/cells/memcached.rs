//! The benches over memcached.

use crate::quick::{Quick, refusal};

/// Cases that the bench has, each with a row of ours.
const CASES: usize = 17;
/// Rows of ours, of the peers in Rust and of the limits, one for each case and contender.
const CONTENDERS: usize = 108;
/// Rows of the bench of leads: four readers in two cases, and two caches that refresh.
const LEADS: usize = 10;

#[test]
fn a_quick_run_has_a_row_of_every_contender_but_those_of_python() {
    let quick = Quick::run("memcached", &["memcached"]);
    let is_ours = |who: &str| who == "cachekit" || who.starts_with("cachekit, ");
    assert_eq!(quick.cases(is_ours).len(), CASES, "{}", quick.text);
    assert_eq!(
        quick.contenders(|_| true).len(),
        CONTENDERS,
        "{}",
        quick.text
    );
}

#[test]
fn a_quick_run_has_a_row_of_everybody_who_reads_and_of_every_refresh() {
    let quick = Quick::run("leads", &["leads"]);
    assert_eq!(quick.contenders(|_| true).len(), LEADS, "{}", quick.text);
}

#[test]
fn what_the_command_line_cannot_mean_is_answered_with_the_cases() {
    for arguments in [
        &["--case", "get-17"][..],
        &["--case"],
        &["--rounds", "0"],
        &["--slow"],
    ] {
        let problem = refusal(&[&["memcached"], arguments].concat());
        assert!(problem.contains("get-1024-free"), "{problem}");
    }
}
