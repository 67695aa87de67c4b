//! Tests that go on in a process of their own: there the same test finds that it is the child, and does
//! what it was started for.

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use cachekit_core::env::{Problems, Vars};
use cachekit_file::Config;
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// Tells a process that it is a child, and which directory it works on.
const DIRECTORY: &str = "CACHEKIT_TEST_DIRECTORY";

/// Tells a child which random choices are its own.
const SEED: &str = "CACHEKIT_TEST_SEED";

/// What a line begins with that a child says to its parent, among what the tests' harness says.
const SAID: &str = "> ";

/// What this process is to work on, if it is a child.
pub(crate) fn config() -> Option<Config> {
    Some(Config {
        directory: PathBuf::from(vars().get(DIRECTORY)?),
        ..Config::default()
    })
}

/// The number that a child was given, to make its own choices with.
pub(crate) fn seed() -> u64 {
    number(SEED).expect("a child has a seed")
}

/// A number that whoever starts the tests may give.
pub(crate) fn number(name: &str) -> Option<u64> {
    let parse = |number: &str| number.parse().expect("a whole number");
    vars().get(name).map(parse)
}

fn vars() -> Vars {
    let mut problems = Problems::default();
    let given = Vars::from_process(&mut problems);
    assert_eq!(problems, Problems::default());
    given
}

/// Tells the parent something, in one write.
pub(crate) fn say(text: &str) {
    println!("{SAID}{text}");
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

/// Runs a child to its end, if the system lets a test have `what` it needs, and says so otherwise.
pub(crate) fn passes_if_it_runs(mut child: Command, what: &str) {
    let run = match child.output() {
        Ok(run) => run,
        Err(error) => return not_run(what, &error.to_string()),
    };
    let output = String::from_utf8_lossy(&run.stdout);
    if output.contains("running 1 test") {
        let passed = run.status.success() && output.contains("1 passed");
        assert!(passed, "{output}{}", String::from_utf8_lossy(&run.stderr));
    } else {
        assert!(!run.status.success(), "there is no such test: {child:?}");
        not_run(what, &format!("{run:?}"));
    }
}

/// Not by `println!`, of which nothing is heard from a test that passes.
pub(crate) fn not_run(what: &str, reason: &str) {
    let line = format!("not run: a test needs {what}: {reason}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

/// A child that runs, and is killed when dropped.
pub(crate) struct Process {
    child: Child,
    output: Option<Output>,
}

/// What a child says, line by line.
pub(crate) struct Output(Lines<BufReader<ChildStdout>>);

impl Process {
    pub(crate) fn start(test: &str, directory: &Path, seed: u64) -> Self {
        let mut command = of(test, directory);
        command.env(SEED, seed.to_string());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = child.stdout.take().expect("it is piped");
        Self {
            child,
            output: Some(Output(BufReader::new(output).lines())),
        }
    }

    /// What it says, once.
    pub(crate) fn output(&mut self) -> Output {
        self.output.take().expect("the output is taken once")
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Tells it to stop (`SIGSTOP`); it stands once [`stands`](Self::stands) returns.
    pub(crate) fn stop(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    /// Waits until it stands. False if it has ended instead.
    pub(crate) fn stands(&self) -> bool {
        let stopped_or_ended = WaitIdOptions::STOPPED | WaitIdOptions::EXITED;
        // Leaves it to `Child` to take note of the end.
        let status = waitid(
            WaitId::Pid(self.pid()),
            stopped_or_ended | WaitIdOptions::NOWAIT,
        );
        status.unwrap().is_some_and(|status| status.stopped())
    }

    pub(crate) fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    pub(crate) fn succeeds(mut self) {
        assert!(self.child.wait().unwrap().success());
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Iterator for Output {
    type Item = String;

    /// The next that it says; `None` when it has ended.
    fn next(&mut self) -> Option<String> {
        loop {
            let line = self.0.next()?.ok()?;
            if let Some((_, said)) = line.split_once(SAID) {
                return Some(said.to_owned());
            }
        }
    }
}
