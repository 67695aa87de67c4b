//! Clients of Python, in an environment of their own below `target`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Failed;
use crate::memcached::cell::{Cell, Figures};
use crate::memcached::who::Who;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/memcached/peers.py");
const ENVIRONMENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/bench-python");
const PACKAGES: [&str; 2] = ["pymemcache", "pylibmc"];

/// The interpreter, with both packages.
#[derive(Debug)]
pub(super) struct Python(PathBuf);

impl Python {
    /// Makes the environment where it is missing.
    pub(super) fn ready() -> Result<Self, Failed> {
        let python = Path::new(ENVIRONMENT).join("bin/python");
        if !python.exists() {
            run(Command::new("python3").args(["-m", "venv", ENVIRONMENT]))?;
        }
        let imports = format!("import {}", PACKAGES.join(", "));
        if run(Command::new(&python).args(["-c", &imports])).is_err() {
            run(Command::new(&python)
                .args(["-m", "pip", "install", "--quiet"])
                .args(PACKAGES))?;
        }
        Ok(Self(python))
    }

    /// Both packages, with their versions.
    pub(super) fn versions(&self) -> Result<String, Failed> {
        run(Command::new(&self.0).arg(SCRIPT).arg("versions"))
    }

    /// Runs one cell.
    pub(super) fn run(&self, cell: &Cell) -> Result<Figures, Failed> {
        let cell = serde_json::to_string(cell)?;
        let figures = run(Command::new(&self.0).arg(SCRIPT).arg(cell))?;
        Ok(serde_json::from_str(&figures)?)
    }
}

impl Who {
    pub(super) const fn is_python(self) -> bool {
        matches!(self, Self::Pymemcache | Self::Pylibmc)
    }
}

/// What `command` prints, if it ends well.
pub(super) fn run(command: &mut Command) -> Result<String, Failed> {
    let output = command.stdin(Stdio::null()).output()?;
    if output.status.success() {
        return Ok(String::from_utf8(output.stdout)?);
    }
    let problem = String::from_utf8_lossy(&output.stderr);
    Err(format!("{}: {}", output.status, problem.trim()).into())
}
