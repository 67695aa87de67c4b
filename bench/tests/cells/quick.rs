//! A run that sees that everything works, and whose figures mean nothing.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::pulse::Pulse;

/// How many runs may tell nothing.
const RUNS: usize = 5;

/// What a bench printed, and its rows.
pub(crate) struct Quick {
    pub(crate) text: String,
    rows: Vec<Value>,
}

impl Quick {
    /// Runs the bench with `--quick` and these arguments, of which `name` has to be the only run.
    pub(crate) fn run(name: &str, arguments: &[&str]) -> Self {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
        let json = ["--quick", "--json", file.to_str().expect("a path in UTF-8")];
        let text = in_time(&[arguments, &json].concat());
        let rows = std::fs::read(&file).expect("it writes its rows");
        let rows = serde_json::from_slice(&rows).expect("as JSON");
        Self { text, rows }
    }

    /// Cases with a contender that is `included`, each with that contender.
    pub(crate) fn contenders(&self, included: impl Fn(&str) -> bool) -> BTreeSet<(String, String)> {
        let rows = self
            .rows
            .iter()
            .map(|row| (text(row, "case"), text(row, "who")));
        rows.filter(|(_, who)| included(who)).collect()
    }

    /// Cases with a contender that is `included`.
    pub(crate) fn cases(&self, included: impl Fn(&str) -> bool) -> BTreeSet<String> {
        let contenders = self.contenders(included).into_iter();
        contenders.map(|(case, _)| case).collect()
    }
}

/// What a bench prints in which nothing fails. Where the machine stood still meanwhile, it is run again.
fn in_time(arguments: &[&str]) -> String {
    for _ in 0..RUNS {
        let pulse = Pulse::start();
        let output = bench(arguments);
        let stood_still = pulse.stood_still();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() && !text.contains("failed: ") {
            return text;
        }
        assert!(stood_still, "{output:?} {text}");
    }
    panic!("this machine stands still all the time");
}

/// Runs a bench to its end.
pub(crate) fn bench(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cachekit-bench"))
        .args(arguments)
        .output()
        .expect("the bench starts")
}

/// What a bench says of `arguments` that it cannot read, each time the first of which is its name.
pub(crate) fn refusal(arguments: &[&str]) -> String {
    let output = bench(arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap_or_default().to_owned()
}
