//! Tests that go on in a process of their own, whose environment they choose: there the same test
//! finds that it is the child.

use std::process::Command;

use cachekit::env::{Problems, Vars};

const CHILD: &str = "CACHEKIT_TEST_CHILD";

/// Whether this process is a child.
pub(crate) fn is_child() -> bool {
    Vars::from_process(&mut Problems::default())
        .get(CHILD)
        .is_some()
}

/// Runs `test` of this binary where only `vars` are set, and gives what it has printed.
pub(crate) fn output(test: &str, vars: &[(&str, &str)]) -> String {
    let mut command = Command::new(std::env::current_exe().unwrap());
    for variable in cachekit::variables() {
        command.env_remove(variable.name);
    }
    command.args(["--exact", test, "--nocapture"]);
    let output = command
        .envs(vars.iter().copied())
        .env(CHILD, "yes")
        .output()
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{printed}{told}");
    assert!(printed.contains("1 passed"), "no such test: {test}");
    printed
}
