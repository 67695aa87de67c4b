//! Tests that go on in a process of their own: there the same test finds that it is the child, and does
//! what it was started for.

use std::path::{Path, PathBuf};
use std::process::Command;

use cachekit_core::env::{Problems, Vars};
use cachekit_file::Config;

/// Tells a process that it is a child, and which directory it works on.
const DIRECTORY: &str = "CACHEKIT_TEST_DIRECTORY";

/// What this process is to work on, if it is a child.
pub(crate) fn config() -> Option<Config> {
    let mut problems = Problems::default();
    let given = Vars::from_process(&mut problems);
    assert_eq!(problems, Problems::default());
    Some(Config {
        directory: PathBuf::from(given.get(DIRECTORY)?),
        ..Config::default()
    })
}

/// Runs `test`, of this binary, as a child that works on `directory`.
pub(crate) fn of(test: &str, directory: &Path) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    become_child(&mut command, test, directory);
    command
}

/// The same by a shell script, whose last line is `"$@"`.
pub(crate) fn by_script(mut shell: Command, script: &str, test: &str, directory: &Path) -> Command {
    shell.args(["-c", script, "sh"]);
    shell.arg(std::env::current_exe().unwrap());
    become_child(&mut shell, test, directory);
    shell
}

fn become_child(command: &mut Command, test: &str, directory: &Path) {
    command.args(["--exact", test, "--nocapture"]);
    command.env(DIRECTORY, directory);
}
