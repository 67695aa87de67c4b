//! The benches over memcached run: every contender of every case, for a moment.
#![cfg(target_os = "linux")]

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Cases that the bench has, each with a row of ours.
const CASES: usize = 17;
/// Rows of ours, of the peers in Rust and of the limits, one for each case and contender.
const CONTENDERS: usize = 108;
/// Rows of the bench of leads: four readers in two cases, and two caches that refresh.
const LEADS: usize = 10;

#[test]
fn a_quick_run_has_a_row_of_every_contender_but_those_of_python() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("memcached.json");
    let output = Command::new(env!("CARGO_BIN_EXE_cachekit-bench"))
        .args(["memcached", "--quick", "--json"])
        .arg(&file)
        .output()
        .expect("the bench starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(!text.contains("failed: "), "{text}");
    let rows = std::fs::read(&file).expect("it writes its rows");
    let rows: Vec<Value> = serde_json::from_slice(&rows).expect("as JSON");
    let contenders: BTreeSet<_> = rows.iter().map(|row| name(row, &["case", "who"])).collect();
    let ours = rows.iter().filter(|row| is_ours(row));
    let cases: BTreeSet<_> = ours.map(|row| name(row, &["case"])).collect();
    assert_eq!(cases.len(), CASES, "{text}");
    assert_eq!(contenders.len(), CONTENDERS, "{text}");
}

#[test]
fn a_quick_run_has_a_row_of_everybody_who_reads_and_of_every_refresh() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("leads.json");
    let output = Command::new(env!("CARGO_BIN_EXE_cachekit-bench"))
        .args(["leads", "--quick", "--json"])
        .arg(&file)
        .output()
        .expect("the bench starts");
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{output:?}");
    assert!(!text.contains("failed: "), "{text}");
    let rows = std::fs::read(&file).expect("it writes its rows");
    let rows: Vec<Value> = serde_json::from_slice(&rows).expect("as JSON");
    let contenders: BTreeSet<_> = rows.iter().map(|row| name(row, &["case", "who"])).collect();
    assert_eq!(contenders.len(), LEADS, "{text}");
}

#[test]
fn what_the_command_line_cannot_mean_is_answered_with_the_cases() {
    for arguments in [
        &["--case", "get-17"][..],
        &["--case"],
        &["--rounds", "0"],
        &["--slow"],
    ] {
        let output = Command::new(env!("CARGO_BIN_EXE_cachekit-bench"))
            .arg("memcached")
            .args(arguments)
            .output()
            .expect("the bench starts");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let problem = String::from_utf8_lossy(&output.stderr);
        assert!(problem.contains("get-1024-free"), "{problem}");
    }
}

fn name(row: &Value, fields: &[&str]) -> String {
    fields.iter().map(|&field| row[field].to_string()).collect()
}

fn is_ours(row: &Value) -> bool {
    let who = row["who"].as_str().unwrap_or_default();
    who == "cachekit" || who.starts_with("cachekit, ")
}
