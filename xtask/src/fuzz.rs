//! `cargo xtask fuzz`: the readers of what servers send and stores give back, on bytes that libFuzzer makes up.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::{Outcome, shell};

/// The programs in `fuzz/fuzz_targets`.
const TARGETS: &[&str] = &["meta", "classic", "entry"];

/// How long all of them run together, in seconds, unless the command says.
const SECONDS: u64 = 60;

/// Where finds go, and what is built. Neither is in the repository.
const FOUND: &str = "target/fuzz/found";
const BUILT: &str = "target/fuzz";

/// What `cargo xtask fuzz` was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Options {
    /// For all targets together.
    seconds: u64,
    /// Whether what reached something new is added to the corpus of the repository.
    keep: bool,
}

/// Reads `[--seconds N] [--keep]`; `None` if it is something else.
pub(crate) fn options(arguments: &[&str]) -> Option<Options> {
    let mut options = Options {
        seconds: SECONDS,
        keep: false,
    };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--seconds" => options.seconds = arguments.next()?.parse().ok().filter(|&s| s > 0)?,
            "--keep" => options.keep = true,
            _ => return None,
        }
    }
    Some(options)
}

/// Runs each target for its share of the time. Where cargo-fuzz is missing and cannot be
/// installed, that is said, and nothing fails.
pub(crate) fn run(root: &Path, options: Options) -> Outcome {
    if let Err(reason) = require() {
        println!("SKIPPED: nothing was fuzzed: {reason}");
        return Ok(());
    }
    let share = options.seconds.div_ceil(TARGETS.len() as u64);
    for target in TARGETS {
        let found = root.join(FOUND).join(target);
        fs::create_dir_all(&found).map_err(|error| format!("{}: {error}", found.display()))?;
        let time = format!("-max_total_time={share}");
        // libFuzzer writes what it finds into the first folder, and only reads the second.
        fuzz(root, target, FOUND, &corpus(target), &[&time])?;
        if options.keep {
            // The fewest inputs that reach each place in the code.
            let cover = ["-set_cover_merge=1", "-use_counters=0"];
            fuzz(root, target, "fuzz/corpus", &found_of(target), &cover)?;
        }
    }
    Ok(())
}

fn corpus(target: &str) -> String {
    format!("fuzz/corpus/{target}")
}

fn found_of(target: &str) -> String {
    format!("{FOUND}/{target}")
}

/// Runs `target` on two folders. An input that fails it is left in `fuzz/artifacts`, and its name
/// is the last that libFuzzer prints.
fn fuzz(root: &Path, target: &str, into: &str, from: &str, arguments: &[&str]) -> Outcome {
    let into = format!("{into}/{target}");
    // Sanitizers take a nightly compiler; what they would watch for is ruled out by forbidding
    // unsafe code.
    let mut command = shell::cargo(["fuzz", "run", "--sanitizer=none", "--target-dir", BUILT]);
    command
        .args([target, &into, from, "--"])
        .args(["-verbosity=0", "-print_funcs=0", "-dict=fuzz/words.dict"])
        .args(arguments)
        .current_dir(root);
    shell::run(&mut command)
}

/// Makes sure that `cargo fuzz` is there, and the compiler that libFuzzer itself takes.
fn require() -> Outcome {
    if !shell::succeeds(Command::new("c++").arg("--version")) {
        return Err("there is no C++ compiler (c++), and libFuzzer is built with one".to_owned());
    }
    if shell::succeeds(&mut shell::cargo(["fuzz", "--version"])) {
        return Ok(());
    }
    eprintln!("cargo-fuzz is not installed; installing it with cargo");
    shell::run(&mut shell::cargo(["install", "--locked", "cargo-fuzz"]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_the_default_and_nothing_is_kept() {
        let expected = Options {
            seconds: 60,
            keep: false,
        };
        assert_eq!(options(&[]), Some(expected));
    }

    #[test]
    fn seconds_and_whether_to_keep_are_read_in_any_order() {
        let expected = Some(Options {
            seconds: 5,
            keep: true,
        });
        assert_eq!(options(&["--seconds", "5", "--keep"]), expected);
        assert_eq!(options(&["--keep", "--seconds", "5"]), expected);
    }

    #[test]
    fn no_time_at_all_is_no_option() {
        for wrong in [&["--seconds"] as &[&str], &["--seconds", "0"], &["60"]] {
            assert_eq!(options(wrong), None, "{wrong:?}");
        }
    }
}
