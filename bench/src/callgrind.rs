//! Instructions, counted by valgrind: the same on a busy machine as on an idle one.

use std::process::{Command, Stdio};

use crate::Failed;

/// Passes that are counted. The first pass of a process, which fills, is not.
const PASSES: u64 = 2;

/// Whether valgrind is there.
pub(crate) fn is_installed() -> bool {
    let mut valgrind = Command::new("valgrind");
    valgrind.arg("--version").stdout(Stdio::null());
    valgrind.status().is_ok_and(|status| status.success())
}

/// Instructions of one pass of a contender: this program runs itself once more.
pub(crate) fn instructions_per_pass(case: &str, who: &str) -> Result<u64, Failed> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg("--toggle-collect=*cachekit_bench*measure*counted*")
        .arg(std::env::current_exe()?)
        .args(["pass", case, who, &PASSES.to_string()])
        .output()?;
    let text = String::from_utf8_lossy(&output.stderr);
    let collected = text
        .lines()
        .find_map(|line| line.split_once("Collected :"))
        .and_then(|(_, figure)| figure.trim().parse::<u64>().ok())
        .filter(|_| output.status.success());
    match collected {
        Some(collected) => Ok(collected / PASSES),
        None => Err(format!("valgrind failed on {who}, {case}:\n{text}").into()),
    }
}
