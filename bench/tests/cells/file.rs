//! The bench of the file backend, without the peers that only `cargo xtask bench` builds.

use crate::quick::{Quick, refusal};

/// Cases of 10,000 entries: ten of each of three sizes, the collector, the churn, and the end of
/// each size.
const CASES: usize = 35;
/// Ours three times, two limits and a peer, in the cases that are not about a directory alone.
const CONTENDERS: usize = 3 * (9 * 6 + 3) + 3 + 1 + 3 * 3;
/// Eight of each of two sizes.
const OF_A_MILLION: usize = 16;

fn is_always_built(who: &str) -> bool {
    who.starts_with("cachekit") || who.starts_with("limit: ")
}

fn is_ours(who: &str) -> bool {
    who == "cachekit" || who.starts_with("cachekit, ")
}

#[test]
fn a_quick_run_has_a_row_of_every_contender_that_is_always_built() {
    let quick = Quick::run("file", &["file"]);
    assert_eq!(quick.cases(is_ours).len(), CASES, "{}", quick.text);
    let contenders = quick.contenders(is_always_built);
    assert_eq!(contenders.len(), CONTENDERS, "{}", quick.text);
}

#[test]
fn the_cases_of_a_million_entries_run_as_well() {
    let quick = Quick::run("file-million", &["file", "--million"]);
    assert_eq!(quick.cases(is_ours).len(), OF_A_MILLION, "{}", quick.text);
}

#[test]
fn what_the_command_line_cannot_mean_is_answered_with_what_it_can() {
    for arguments in [&["--case", "get-1MB"][..], &["--rounds", "0"], &["--slow"]] {
        let problem = refusal(&[&["file"], arguments].concat());
        assert!(problem.contains("put-over-100KB"), "{problem}");
    }
    let problem = refusal(&["file", "--churn", "0"]);
    assert!(problem.contains("--churn takes seconds"), "{problem}");
}
