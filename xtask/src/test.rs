//! `cargo xtask test`: everything that can be tested on this machine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::ops::AddAssign;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::package::{self, MEMCACHED};
use crate::{Outcome, examples, shell};

/// What tests take where it is given, and what they do without it.
const OPTIONAL: &[(&str, &str)] = &[(
    "CACHEKIT_VECTORS",
    "a folder of more placement vectors; those in the repository are tested in any case",
)];

/// The features that are tested: all but those which only build the peers of a bench.
const FEATURES: &str = "file,json,lz4,memcached,messagepack,metrics,testkit,tls";

/// Tests that have passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
}

/// What a test says that this machine does not let it run, and that passes then.
const NOT_RUN: &str = "not run: ";

/// Runs everything; prints the totals last, and before them what could not be run.
pub(crate) fn run(root: &Path) -> Outcome {
    package::require(&MEMCACHED)?;
    let (mut failed, mut not_run) = (Vec::new(), Vec::new());
    // With no targets named: only then are the examples built as the programs that tests start.
    let mut command = shell::cargo([
        "test",
        "--workspace",
        "--features",
        FEATURES,
        "--no-fail-fast",
    ]);
    let totals = counted(command.current_dir(root), &mut failed, &mut not_run)?;
    failed.extend(examples::run(root).err());
    if totals.passed == 0 {
        failed.push("no test was run".to_owned());
    }
    tell_absent();
    for reason in not_run {
        println!("{NOT_RUN}{reason}");
    }
    println!("{} passed, {} failed", totals.passed, totals.failed);
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed.join("\n"))
    }
}

/// Runs a `cargo test`, shows what it prints, adds up its results and keeps what was not run. A
/// failure is noted, and the examples still run.
fn counted(
    command: &mut Command,
    failed: &mut Vec<String>,
    not_run: &mut Vec<String>,
) -> Result<Totals, String> {
    let text = shell::text(command);
    eprintln!("$ {text}");
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("`{text}` cannot be started: {error}"))?;
    let mut totals = Totals::default();
    if let Some(output) = child.stdout.take() {
        for line in BufReader::new(output).split(b'\n') {
            let line = line.map_err(|error| format!("`{text}`: {error}"))?;
            let line = String::from_utf8_lossy(&line);
            let _ = writeln!(std::io::stdout(), "{line}");
            if let Some(results) = results(&line) {
                totals += results;
            }
            not_run.extend(reason(&line).map(str::to_owned));
        }
    }
    match child.wait() {
        Ok(status) if status.success() => {}
        Ok(status) => failed.push(format!("`{text}` failed: {status}")),
        Err(error) => return Err(format!("`{text}`: {error}")),
    }
    Ok(totals)
}

/// Of a line such as `test result: ok. 12 passed; 0 failed; 0 ignored; …`.
fn results(line: &str) -> Option<Totals> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |word| {
        let (number, _) = counts.split("; ").find_map(|part| part.split_once(word))?;
        number.trim().parse().ok()
    };
    Some(Totals {
        passed: count(" passed")?,
        failed: count(" failed")?,
    })
}

/// Why a test could not do what it is for, in its own words.
fn reason(line: &str) -> Option<&str> {
    line.split_once(NOT_RUN).map(|(_, reason)| reason)
}

impl AddAssign for Totals {
    fn add_assign(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

fn tell_absent() {
    for (variable, what) in OPTIONAL {
        #[expect(
            clippy::disallowed_methods,
            reason = "an input of the tests, no variable of the cache"
        )]
        let given = std::env::var_os(variable);
        if given.is_none() {
            println!("not set: {variable} ({what})");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_that_is_not_for_a_bench_is_tested() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        for package in [".", "cachekit-core", "cachekit-memcached"] {
            let manifest = std::fs::read_to_string(root.join(package).join("Cargo.toml")).unwrap();
            let (_, features) = manifest.split_once("[features]\n").unwrap();
            let names = features.lines().take_while(|line| !line.starts_with('['));
            for name in names.filter_map(|line| line.split_once(" = ")) {
                let tested = FEATURES.split(',').any(|feature| feature == name.0);
                assert!(tested || name.0 == "default", "{}", name.0);
            }
        }
    }

    #[test]
    fn what_a_test_could_not_run_is_read_wherever_it_stands_in_the_line() {
        for line in ["not run: no disk", "test a ... not run: no disk"] {
            assert_eq!(reason(line), Some("no disk"));
        }
        assert_eq!(reason("test a ... ok"), None);
    }

    #[test]
    fn the_results_of_a_test_binary_are_read() {
        let line =
            "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out";
        let expected = Totals {
            passed: 12,
            failed: 3,
        };
        assert_eq!(results(line), Some(expected));
    }

    #[test]
    fn other_lines_have_no_results() {
        for line in ["", "test a ... ok", "running 3 tests", "test result: ok"] {
            assert_eq!(results(line), None, "{line}");
        }
    }
}
