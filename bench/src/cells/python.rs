//! Peers of Python, in an environment of their own below `target`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Failed;

const ENVIRONMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench-python");

/// What a bench has in Python.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peers {
    /// Runs a cell, or says the versions.
    pub(crate) script: &'static str,
    /// As pip and `import` name them.
    pub(crate) packages: &'static [&'static str],
}

/// The interpreter, with all packages.
#[derive(Debug)]
pub(crate) struct Python {
    interpreter: PathBuf,
    script: &'static str,
}

impl Python {
    /// Says what it comes to: the versions, or why those peers are left out.
    pub(crate) fn announced(peers: Peers, quick: bool) -> Option<Self> {
        let python = match quick {
            true => Err("left out of a quick run".into()),
            false => Self::ready(peers),
        };
        let python = python.and_then(|python| {
            println!("{}", python.versions()?.trim());
            Ok(python)
        });
        let peers = peers.packages.join(" and ");
        python
            .inspect_err(|problem| println!("not run: {peers}: {problem}"))
            .ok()
    }

    /// Makes the environment where it is missing, and says so.
    fn ready(peers: Peers) -> Result<Self, Failed> {
        let interpreter = Path::new(ENVIRONMENT).join("bin/python");
        if !interpreter.exists() {
            println!("making an environment for Python in target/bench-python");
            run(Command::new("python3").args(["-m", "venv", ENVIRONMENT]))?;
        }
        let imports = format!("import {}", peers.packages.join(", "));
        if run(Command::new(&interpreter).args(["-c", &imports])).is_err() {
            println!("installing {} there, with pip", peers.packages.join(", "));
            run(Command::new(&interpreter)
                .args(["-m", "pip", "install", "--quiet"])
                .args(peers.packages))?;
        }
        Ok(Self {
            interpreter,
            script: peers.script,
        })
    }

    /// All packages, with their versions.
    fn versions(&self) -> Result<String, Failed> {
        run(self.command().arg("versions"))
    }

    /// Runs one cell.
    pub(crate) fn run<F: DeserializeOwned>(&self, cell: &impl Serialize) -> Result<F, Failed> {
        let figures = run(self.command().arg(serde_json::to_string(cell)?))?;
        Ok(serde_json::from_str(&figures)?)
    }

    /// The script, without its argument.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.interpreter);
        command.arg(self.script);
        command
    }
}

/// What `command` prints, if it ends well.
pub(crate) fn run(command: &mut Command) -> Result<String, Failed> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let problem = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", output.status, problem.trim()).into())
}
