//! The own commands of the project: `cargo xtask …`.

mod bench;
mod budget;
mod env_table;
mod examples;
mod fleet;
mod fuzz;
mod package;
mod shell;
mod test;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask COMMAND

  test                       every test, doc test and example; installs memcached if it is missing
  bench NAME [OPTIONS]       tables of figures, in release: `freshness`; `hits` [--json FILE], which
                             writes its rows; `memcached`, `leads` and `file` [--json FILE]
                             [--rounds N] [--case NAME] [--quick]; `file` [--million] as well,
                             which takes 16 GiB of disk, and [--churn SECONDS]
  budget                     the instructions of hits, counted by valgrind, against their bounds
  fleet [--scene NAME] [--processes N] [--tasks N] [--keys N] [--seconds N] [--backend NAME]
        [--l1 on|off] [--peers] [--history FILE] [--plot FILE.svg]
                             real processes over real servers, some of which are killed: fails if
                             what they read or computed is against the rules
  fuzz [--seconds N] [--keep]
                             N seconds (60) of libFuzzer on the readers of replies; installs
                             cargo-fuzz if it is missing; --keep adds to the corpus in fuzz/corpus
  env-table [--check]        writes docs/environment.md; --check fails if it is not up to date
";

/// What a command comes to. The text says what is wrong and what to do about it.
type Outcome = Result<(), String>;

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match package::see_usual_places().and_then(|()| dispatch(&root, &arguments)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch(root: &Path, arguments: &[&str]) -> Outcome {
    match arguments {
        ["test"] => test::run(root),
        ["bench", name, options @ ..] if !name.starts_with('-') => bench::run(name, options),
        ["budget"] => budget::run(),
        ["fleet", options @ ..] => fleet::run(options),
        ["fuzz", rest @ ..] if let Some(options) = fuzz::options(rest) => fuzz::run(root, options),
        ["env-table"] => env_table::write(root),
        ["env-table", "--check"] => env_table::check(root),
        ["help" | "--help" | "-h"] => {
            print!("{USAGE}");
            Ok(())
        }
        [] => Err(format!("no command\n\n{USAGE}")),
        given => Err(format!("cannot read `{}`\n\n{USAGE}", given.join(" "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_read_is_answered_with_the_usage() {
        for arguments in [
            &[] as &[&str],
            &["tset"],
            &["test", "--fast"],
            &["bench"],
            &["bench", "--json", "file"],
            &["env-table", "--chekc"],
            &["fuzz", "--seconds"],
        ] {
            let problem = dispatch(Path::new("."), arguments).unwrap_err();
            assert!(problem.contains("usage: cargo xtask"), "{arguments:?}");
        }
    }
}
