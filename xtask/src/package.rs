//! Programs that come from the system's package manager.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Outcome, shell};

/// A program, and the package that brings it: named alike by all [`MANAGERS`].
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: &'static str,
    pub(crate) program: &'static str,
}

pub(crate) const MEMCACHED: Package = Package {
    name: "memcached",
    program: "memcached",
};

/// Where programs are that `PATH` may lack: servers lie in `sbin`.
const USUAL_PLACES: &[&str] = &[
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/opt/homebrew/bin",
];

/// A package manager. The name of the package goes behind `install`.
struct Manager {
    program: &'static str,
    refresh: Option<&'static [&'static str]>,
    install: &'static [&'static str],
    /// Whether it wants root: Homebrew refuses to be root.
    as_root: bool,
}

const MANAGERS: &[Manager] = &[
    Manager {
        program: "apt-get",
        refresh: Some(&["update"]),
        install: &["install", "-y"],
        as_root: true,
    },
    Manager {
        program: "dnf",
        refresh: None,
        install: &["install", "-y"],
        as_root: true,
    },
    Manager {
        program: "apk",
        refresh: None,
        install: &["add", "--no-cache"],
        as_root: true,
    },
    Manager {
        program: "brew",
        refresh: None,
        install: &["install"],
        as_root: false,
    },
];

/// How this process may become root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    Root,
    Sudo,
    None,
}

/// Makes sure that the program is there.
///
/// # Errors
/// If it is not, and cannot be installed from here: the text names the command to run.
pub(crate) fn require(package: &Package) -> Outcome {
    if find(package.program).is_some() {
        return Ok(());
    }
    let name = package.name;
    let Some(manager) = MANAGERS
        .iter()
        .find(|manager| find(manager.program).is_some())
    else {
        return Err(format!(
            "{name} is not installed, and no package manager known here is: install it by hand"
        ));
    };
    eprintln!(
        "{name} is not installed; installing it with {}",
        manager.program
    );
    for mut command in commands(manager, name, right())? {
        shell::run(&mut command).map_err(|problem| format!("{name}: {problem}"))?;
    }
    match find(package.program) {
        Some(_) => Ok(()),
        None => Err(format!(
            "{name} was installed, but {} is in no usual place",
            package.program
        )),
    }
}

fn commands(manager: &Manager, name: &str, right: Right) -> Result<Vec<Command>, String> {
    let refresh = manager.refresh.map(<[_]>::to_vec);
    let install = [manager.install, &[name]].concat();
    let lines = refresh.into_iter().chain([install]);
    if manager.as_root && right == Right::None {
        let lines: Vec<String> = lines
            .map(|arguments| format!("sudo {} {}", manager.program, arguments.join(" ")))
            .collect();
        return Err(format!(
            "{name} is not installed, and installing takes root. Run: {}",
            lines.join(" && ")
        ));
    }
    let with_sudo = manager.as_root && right == Right::Sudo;
    Ok(lines
        .map(|arguments| {
            let mut command = Command::new(if with_sudo { "sudo" } else { manager.program });
            if with_sudo {
                command.args(["-n", manager.program]);
            }
            command.args(arguments);
            command
        })
        .collect())
}

fn right() -> Right {
    let id = Command::new("id").arg("-u").output();
    if id.is_ok_and(|id| id.stdout.trim_ascii() == b"0") {
        Right::Root
    } else if shell::succeeds(Command::new("sudo").args(["-n", "true"])) {
        Right::Sudo
    } else {
        Right::None
    }
}

/// Starts this process again with the usual places behind its `PATH`, if it lacks one: whatever it
/// starts, and starts through others, sees what [`require`] sees.
pub(crate) fn see_usual_places() -> Outcome {
    let Some(path) = with_usual_places(&path()) else {
        return Ok(());
    };
    let this = std::env::current_exe().map_err(|error| format!("xtask is gone: {error}"))?;
    let arguments = std::env::args_os().skip(1);
    let error = Command::new(this).args(arguments).env("PATH", path).exec();
    Err(format!("xtask cannot be started again: {error}"))
}

/// `path` and the usual places that it lacks; `None` if it has them all.
fn with_usual_places(path: &OsStr) -> Option<OsString> {
    let mut places: Vec<PathBuf> = std::env::split_paths(path).collect();
    let given = places.len();
    for usual in USUAL_PLACES.iter().map(PathBuf::from) {
        if !places.contains(&usual) {
            places.push(usual);
        }
    }
    let all = std::env::join_paths(&places).ok()?;
    (places.len() > given).then_some(all)
}

fn path() -> OsString {
    #[expect(
        clippy::disallowed_methods,
        reason = "PATH is the system's, no variable of the cache"
    )]
    std::env::var_os("PATH").unwrap_or_default()
}

fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&path())
        .map(|place| place.join(program))
        .find(|file| is_executable(file))
}

fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|data| data.is_file() && data.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(manager: &Manager, right: Right) -> Result<Vec<String>, String> {
        let commands = commands(manager, "memcached", right)?;
        Ok(commands.iter().map(shell::text).collect())
    }

    #[test]
    fn root_refreshes_the_lists_and_installs() {
        let expected = ["apt-get update", "apt-get install -y memcached"];
        assert_eq!(texts(&MANAGERS[0], Right::Root).unwrap(), expected);
    }

    #[test]
    fn sudo_is_never_asked_for_a_password() {
        for command in texts(&MANAGERS[0], Right::Sudo).unwrap() {
            assert!(command.starts_with("sudo -n apt-get "), "{command}");
        }
    }

    #[test]
    fn without_the_right_to_install_the_command_to_run_is_named() {
        let problem = texts(&MANAGERS[0], Right::None).unwrap_err();
        let command = "Run: sudo apt-get update && sudo apt-get install -y memcached";
        assert!(problem.ends_with(command), "{problem}");
    }

    #[test]
    fn homebrew_is_never_run_as_root() {
        let brew = MANAGERS.iter().find(|m| m.program == "brew").unwrap();
        for right in [Right::Sudo, Right::None] {
            assert_eq!(texts(brew, right).unwrap(), ["brew install memcached"]);
        }
    }

    #[test]
    fn the_usual_places_come_behind_those_given_and_once() {
        let path = with_usual_places(OsStr::new("/mine:/usr/bin")).unwrap();
        let text = path.to_str().unwrap();
        assert!(text.starts_with("/mine:/usr/bin:/usr/sbin:"), "{text}");
        assert_eq!(with_usual_places(&path), None);
    }

    #[test]
    fn a_program_that_is_not_there_is_not_found() {
        assert!(find("sh").is_some());
        assert!(find("no-such-program-anywhere").is_none());
        assert!(!is_executable(Path::new("/etc/passwd")));
    }
}
