//! What a deployment may say about the file backend.

use std::path::PathBuf;

use cachekit_core::env::{Problems, Variable, Vars, integer, user_cache_dir};
use cachekit_core::error::{Error, ErrorKind, Result};
use serde::Deserialize;

const MIB: u64 = 1024 * 1024;

/// How much is done for an entry to survive a loss of power. No setting is needed for safety: a
/// file that was torn is a miss.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SyncMode {
    /// Nothing. Entries of the last seconds may be lost with the power. A crash of the process
    /// loses nothing.
    #[default]
    None,
    /// The file's data reach the disk before it gets its name (`fdatasync`): some 0.3 ms a write
    /// on a solid-state disk, and up to 10 ms elsewhere.
    Data,
    /// The file, and then the folder that names it (`fsync` twice): the entry is there after a
    /// loss of power. About half as long again as `Data`.
    Full,
}

/// Where entries lie, and how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The directory, as an absolute path. It need not exist: it is made at first use. Default: `cachekit` in the
    /// user's cache directory, or in the temporary directory for a user without a home.
    pub directory: PathBuf,
    /// Cap of all entries together, in bytes of disk that they occupy. Default: 1 GiB.
    pub max_size: u64,
    /// Cap of one value, in bytes. Default: 100 MiB, at most half of `max_size`.
    pub max_value: u64,
    /// Cap of the number of entries, above zero. Default: 10,000.
    pub max_entries: u64,
    /// Permissions of a file, less the process's umask: the owner reads and writes, others at most
    /// read. Default: `0o600`.
    pub permissions: u32,
    /// Permissions of a folder, less the process's umask: everything for the owner, nothing to
    /// write for others. Default: `0o700`.
    pub dir_permissions: u32,
    /// What is done for a loss of power. Default: nothing.
    pub sync: SyncMode,
}

impl Default for Config {
    fn default() -> Self {
        let base = user_cache_dir().unwrap_or_else(std::env::temp_dir);
        Self {
            directory: base.join("cachekit"),
            max_size: 1024 * MIB,
            max_value: 100 * MIB,
            max_entries: 10_000,
            permissions: 0o600,
            dir_permissions: 0o700,
            sync: SyncMode::None,
        }
    }
}

/// The least and the most that a file's permissions allow, and a folder's.
const OF_FILES: (u32, u32) = (0o600, 0o644);
const OF_FOLDERS: (u32, u32) = (0o700, 0o755);

const SECTION: &str = "CACHEKIT_FILE_";

const CACHE_DIR: Variable = Variable {
    name: "CACHEKIT_FILE_CACHE_DIR",
    default: "cachekit in the user's cache directory",
    expected: "a path; ~ is not expanded",
    about: "Directory of the entries; made at first use. Setting it chooses the file backend.",
    secret: false,
};
const MAX_SIZE_MB: Variable = Variable {
    name: "CACHEKIT_FILE_MAX_SIZE_MB",
    default: "1024",
    expected: "a whole number of MiB between 1 and 1000000",
    about: "Cap of all entries together, by the disk that they occupy.",
    secret: false,
};
const MAX_VALUE_MB: Variable = Variable {
    name: "CACHEKIT_FILE_MAX_VALUE_MB",
    default: "100, or half of CACHEKIT_FILE_MAX_SIZE_MB where that is less",
    expected: "a whole number of MiB, at least 1 and at most half of CACHEKIT_FILE_MAX_SIZE_MB",
    about: "Cap of one value; a larger one is refused, and the entry it was to replace removed.",
    secret: false,
};
const MAX_ENTRY_COUNT: Variable = Variable {
    name: "CACHEKIT_FILE_MAX_ENTRY_COUNT",
    default: "10000",
    expected: "a whole number between 100 and 1000000",
    about: "Cap of the number of entries.",
    secret: false,
};
const PERMISSIONS: Variable = Variable {
    name: "CACHEKIT_FILE_PERMISSIONS",
    default: "0600",
    expected: "octal digits with or without 0o, such as 0600: the owner reads and writes, others \
               at most read",
    about: "Permissions of the files.",
    secret: false,
};
const DIR_PERMISSIONS: Variable = Variable {
    name: "CACHEKIT_FILE_DIR_PERMISSIONS",
    default: "0700",
    expected: "octal digits with or without 0o, such as 0700: everything for the owner, nothing \
               to write for others",
    about: "Permissions of the folders.",
    secret: false,
};
const SYNC: Variable = Variable {
    name: "CACHEKIT_FILE_SYNC",
    default: "none",
    expected: "none, data or full",
    about: "What is done for an entry to survive a loss of power. none: nothing, at no cost. data: \
            fdatasync of the file, some 0.3 ms a write on a solid-state disk, up to 10 ms \
            elsewhere. full: fsync of the file and of its folder, about half as long again.",
    secret: false,
};

/// Every variable of the file backend.
pub const VARIABLES: &[Variable] = &[
    CACHE_DIR,
    MAX_SIZE_MB,
    MAX_VALUE_MB,
    MAX_ENTRY_COUNT,
    PERMISSIONS,
    DIR_PERMISSIONS,
    SYNC,
];

#[derive(Deserialize)]
struct Section {
    cache_dir: Option<String>,
    max_size_mb: Option<String>,
    max_value_mb: Option<String>,
    max_entry_count: Option<String>,
    permissions: Option<String>,
    dir_permissions: Option<String>,
    sync: Option<String>,
}

impl Config {
    /// The configuration that `vars` describe. A variable that is wrong is reported and leaves the
    /// default; one that is unset leaves it silently. The directory is not touched.
    #[must_use]
    pub fn from_vars(vars: &Vars, problems: &mut Problems) -> Self {
        let raw: Section = vars.section(SECTION);
        let defaults = Self::default();
        let max_size = problems
            .parse(&MAX_SIZE_MB, raw.max_size_mb, integer(1..=1_000_000))
            .map_or(defaults.max_size, |mib| mib * MIB);
        let max_value = problems
            .parse(
                &MAX_VALUE_MB,
                raw.max_value_mb,
                integer(1..=max_size / 2 / MIB),
            )
            .map_or_else(|| defaults.max_value.min(max_size / 2), |mib| mib * MIB);
        Self {
            directory: problems
                .parse(&CACHE_DIR, raw.cache_dir, directory)
                .unwrap_or(defaults.directory),
            max_size,
            max_value,
            max_entries: problems
                .parse(
                    &MAX_ENTRY_COUNT,
                    raw.max_entry_count,
                    integer(100..=1_000_000),
                )
                .unwrap_or(defaults.max_entries),
            permissions: problems
                .parse(&PERMISSIONS, raw.permissions, octal(OF_FILES))
                .unwrap_or(defaults.permissions),
            dir_permissions: problems
                .parse(&DIR_PERMISSIONS, raw.dir_permissions, octal(OF_FOLDERS))
                .unwrap_or(defaults.dir_permissions),
            sync: problems.parse(&SYNC, raw.sync, sync).unwrap_or_default(),
        }
    }

    /// What a configuration made by hand must keep to.
    pub(crate) fn check(&self) -> Result<()> {
        if !self.directory.is_absolute() {
            Err(outside("directory: expected an absolute path"))
        } else if self.max_value > self.max_size / 2 {
            Err(outside("max_value: expected at most half of max_size"))
        } else if self.max_entries == 0 {
            Err(outside("max_entries: expected at least 1"))
        } else if !is_between(self.permissions, OF_FILES) {
            Err(outside("permissions: expected between 0600 and 0644"))
        } else if !is_between(self.dir_permissions, OF_FOLDERS) {
            Err(outside("dir_permissions: expected between 0700 and 0755"))
        } else {
            Ok(())
        }
    }
}

fn outside(field: &'static str) -> Error {
    Error::with_detail(ErrorKind::InvalidInput, "file config", field)
}

/// Permissions with all bits of `least` and no bit outside `most`.
fn is_between(mode: u32, (least, most): (u32, u32)) -> bool {
    mode & least == least && mode & !most == 0
}

/// An absolute path, so that a later change of the working directory moves nothing.
fn directory(raw: &str) -> Option<PathBuf> {
    if raw.starts_with('~') || raw.contains('\0') {
        None
    } else {
        std::path::absolute(raw).ok()
    }
}

/// A parser for permissions within `range`.
fn octal(range: (u32, u32)) -> impl Fn(&str) -> Option<u32> {
    move |raw| {
        let digits = raw.strip_prefix("0o").unwrap_or(raw);
        if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let mode = u32::from_str_radix(digits, 8).ok()?;
        is_between(mode, range).then_some(mode)
    }
}

fn sync(raw: &str) -> Option<SyncMode> {
    match raw.to_ascii_lowercase().as_str() {
        "none" => Some(SyncMode::None),
        "data" => Some(SyncMode::Data),
        "full" => Some(SyncMode::Full),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(pairs: &[(&str, &str)]) -> (Config, Problems) {
        let mut problems = Problems::default();
        let pairs = pairs
            .iter()
            .map(|(name, value)| (format!("{SECTION}{name}").into(), value.into()));
        let vars = Vars::from_os(pairs, &mut problems);
        let config = Config::from_vars(&vars, &mut problems);
        (config, problems)
    }

    #[test]
    fn nothing_set_gives_the_defaults() {
        let (config, problems) = from(&[]);
        assert_eq!(config, Config::default());
        assert!(problems.is_empty());
    }

    #[test]
    fn every_variable_is_read() {
        let (config, problems) = from(&[
            ("CACHE_DIR", "/srv/cache"),
            ("MAX_SIZE_MB", "10"),
            ("MAX_VALUE_MB", "5"),
            ("MAX_ENTRY_COUNT", "100"),
            ("PERMISSIONS", "0o640"),
            ("DIR_PERMISSIONS", "750"),
            ("SYNC", "Full"),
        ]);
        assert!(problems.is_empty(), "{problems}");
        let expected = Config {
            directory: "/srv/cache".into(),
            max_size: 10 * MIB,
            max_value: 5 * MIB,
            max_entries: 100,
            permissions: 0o640,
            dir_permissions: 0o750,
            sync: SyncMode::Full,
        };
        assert_eq!(config, expected);
    }

    #[test]
    fn every_problem_is_reported_with_its_variable_and_value() {
        let wrong = [
            ("CACHE_DIR", "~/cache"),
            ("MAX_SIZE_MB", "0"),
            ("MAX_VALUE_MB", "513"),
            ("MAX_ENTRY_COUNT", "99"),
            ("PERMISSIONS", "0o577"),
            ("DIR_PERMISSIONS", "0777"),
            ("SYNC", "always"),
        ];
        let (config, problems) = from(&wrong);
        assert_eq!(config, Config::default());
        assert_eq!(problems.iter().count(), wrong.len());
        for (name, value) in wrong {
            assert!(
                problems
                    .to_string()
                    .contains(&format!("{SECTION}{name}={value:?}"))
            );
        }
    }

    #[test]
    fn octal_takes_digits_with_and_without_its_sign_and_nothing_else() {
        let parse = octal(OF_FILES);
        for raw in ["600", "0600", "0o600"] {
            assert_eq!(parse(raw), Some(0o600));
        }
        for raw in [
            "",
            "0o",
            "384",
            "+600",
            "0x180",
            "0o0o600",
            "6000",
            "99999999999",
        ] {
            assert_eq!(parse(raw), None, "{raw}");
        }
    }

    #[test]
    fn the_default_cap_of_a_value_is_at_most_half_of_a_smaller_directory() {
        assert_eq!(from(&[("MAX_SIZE_MB", "10")]).0.max_value, 5 * MIB);
        assert_eq!(from(&[("MAX_SIZE_MB", "1")]).0.max_value, MIB / 2);
    }

    #[test]
    fn a_relative_directory_is_made_absolute() {
        assert!(from(&[("CACHE_DIR", "cache")]).0.directory.is_absolute());
    }

    #[test]
    fn every_variable_is_listed_under_its_section() {
        assert_eq!(VARIABLES.len(), 7);
        assert!(
            VARIABLES
                .iter()
                .all(|variable| variable.name.starts_with(SECTION))
        );
    }

    #[test]
    fn a_configuration_made_by_hand_names_the_field_that_is_out_of_range() {
        let good = Config::default();
        assert!(good.check().is_ok());
        let wrong = [
            (
                "directory",
                Config {
                    directory: "cache".into(),
                    ..good.clone()
                },
            ),
            (
                "max_value",
                Config {
                    max_size: 100,
                    max_value: 51,
                    ..good.clone()
                },
            ),
            (
                "max_entries",
                Config {
                    max_entries: 0,
                    ..good.clone()
                },
            ),
            (
                "permissions",
                Config {
                    permissions: 0o666,
                    ..good.clone()
                },
            ),
            (
                "dir_permissions",
                Config {
                    dir_permissions: 0o600,
                    ..good
                },
            ),
        ];
        for (field, config) in wrong {
            let error = config.check().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
            assert!(error.to_string().contains(&format!("({field}:")), "{error}");
        }
    }
}
