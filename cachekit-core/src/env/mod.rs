//! The environment: the one place that touches it, and the rules that every variable follows.
//!
//! A crate declares one [`Variable`] constant for each of its variables; the reference table in
//! `docs/environment.md` is generated from them. It reads its section of [`Vars`] into a struct of
//! `Option<String>` and turns each field into its type with [`Problems::parse`], so that every
//! problem is reported, not only the first.
//!
//! Rules: names are exact; an empty value means unset; white space around a value is dropped;
//! variables that Kubernetes injects for services (`CACHEKIT_…_SERVICE_HOST`, `CACHEKIT_…_PORT`,
//! `CACHEKIT_…_PORT_…`) are not ours.

mod names;
mod problems;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::DeserializeOwned;

pub use names::name_of_cache;
pub use problems::{Problem, Problems};

/// What all our variables begin with.
pub const PREFIX: &str = "CACHEKIT_";

/// One environment variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Variable {
    /// The whole name, `CACHEKIT_…`.
    pub name: &'static str,
    /// The default, as one would write it.
    pub default: &'static str,
    /// The form expected, such as "seconds between 0.1 and 30, such as 1.5".
    pub expected: &'static str,
    /// What it means, in a sentence.
    pub about: &'static str,
    /// Whether its value must not be shown.
    pub secret: bool,
}

/// The variables that begin with [`PREFIX`] and are not empty.
#[derive(Clone, Debug, Default)]
pub struct Vars(BTreeMap<String, String>);

impl Vars {
    /// Reads the environment of this process.
    #[must_use]
    pub fn from_process(problems: &mut Problems) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the reader that others must use"
        )]
        let vars = std::env::vars_os();
        Self::from_os(vars, problems)
    }

    /// Takes `vars` for the environment. Pure.
    pub fn from_os(
        vars: impl IntoIterator<Item = (OsString, OsString)>,
        problems: &mut Problems,
    ) -> Self {
        let mut ours = BTreeMap::new();
        for (name, value) in vars {
            let Some(name) = name.to_str() else { continue };
            if !name.starts_with(PREFIX) || is_service_link(name) {
                continue;
            }
            match value.into_string() {
                Ok(value) if value.trim().is_empty() => {}
                Ok(value) => {
                    ours.insert(name.to_owned(), value.trim().to_owned());
                }
                Err(_) => problems.add(name, None, "text in UTF-8"),
            }
        }
        Self(ours)
    }

    /// The value of the variable `name`, if it is set to something.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The variables below `prefix`, by field name: `CACHEKIT_FILE_MAX_SIZE_MB` is the field
    /// `max_size_mb` of the section `CACHEKIT_FILE_`. `T` has only fields of `Option<String>`.
    ///
    /// # Panics
    /// If `T` has a field of another type: a mistake of the calling code, not of the environment.
    #[must_use]
    pub fn section<T: DeserializeOwned>(&self, prefix: &str) -> T {
        let section = self.0.iter().filter_map(|(name, value)| {
            Some((name.strip_prefix(prefix)?.to_owned(), value.clone()))
        });
        envy::from_iter(section).expect("a section has only fields of Option<String>")
    }

    /// What is set for the cache `name` alone, each under the name that it has for the cache of the
    /// process: `CACHEKIT_CATALOG_BACKEND` of `catalog` is `CACHEKIT_BACKEND` here.
    #[must_use]
    pub fn of_cache(&self, name: &str) -> Self {
        let prefix = names::prefix(name);
        let own = self.0.iter().filter_map(|(name, value)| {
            let rest = name.strip_prefix(&prefix)?;
            Some((format!("{PREFIX}{rest}"), value.clone()))
        });
        Self(own.collect())
    }

    /// These, and what is set in `others` alone.
    #[must_use]
    pub fn or(&self, others: &Self) -> Self {
        let mut all = others.0.clone();
        all.extend(self.0.clone());
        Self(all)
    }
}

/// Kubernetes gives every pod the addresses of its namespace's services as variables: a service
/// called `cachekit-memcached` becomes `CACHEKIT_MEMCACHED_SERVICE_HOST`, `CACHEKIT_MEMCACHED_PORT`
/// and `CACHEKIT_MEMCACHED_PORT_11211_TCP_ADDR`.
fn is_service_link(name: &str) -> bool {
    name.ends_with("_SERVICE_HOST")
        || name.contains("_SERVICE_PORT")
        || name.ends_with("_PORT")
        || name.contains("_PORT_")
}

/// Where this user's programs keep what they can compute again: `$XDG_CACHE_HOME` where it is set
/// to an absolute path, else `~/Library/Caches` on macOS and `~/.cache` elsewhere. `None` for a
/// user without a home directory.
#[must_use]
pub fn user_cache_dir() -> Option<PathBuf> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the reader that others must use"
    )]
    let xdg = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    if let Some(xdg) = xdg.filter(|path| path.is_absolute()) {
        return Some(xdg);
    }
    let caches = if cfg!(target_os = "macos") {
        "Library/Caches"
    } else {
        ".cache"
    };
    let home = std::env::home_dir().filter(|home| home.is_absolute())?;
    Some(home.join(caches))
}

/// A parser for seconds with a fraction, within `range`.
pub fn seconds(range: RangeInclusive<f64>) -> impl Fn(&str) -> Option<Duration> {
    move |raw| {
        let seconds: f64 = raw.parse().ok()?;
        range
            .contains(&seconds)
            .then(|| Duration::try_from_secs_f64(seconds).ok())?
    }
}

/// A parser for whole numbers within `range`.
pub fn integer(range: RangeInclusive<u64>) -> impl Fn(&str) -> Option<u64> {
    move |raw| raw.parse().ok().filter(|number| range.contains(number))
}

/// Parses `true`, `1`, `yes`, `on` and their opposites, in any case.
#[must_use]
pub fn boolean(raw: &str) -> Option<bool> {
    match raw.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) const TIMEOUT: Variable = Variable {
        name: "CACHEKIT_MEMCACHED_TIMEOUT",
        default: "1.0",
        expected: "seconds between 0.1 and 30, such as 1.5",
        about: "bounds one call",
        secret: false,
    };
    pub(super) const PASSWORD: Variable = Variable {
        name: "CACHEKIT_PASSWORD",
        secret: true,
        ..TIMEOUT
    };

    pub(super) fn vars(pairs: &[(&str, &str)]) -> (Vars, Problems) {
        let mut problems = Problems::default();
        let pairs = pairs
            .iter()
            .map(|(name, value)| (name.into(), value.into()));
        (Vars::from_os(pairs, &mut problems), problems)
    }

    #[test]
    fn an_empty_value_means_unset() {
        let (vars, _) = vars(&[("CACHEKIT_MEMCACHED_TIMEOUT", " ")]);
        assert_eq!(vars.get(TIMEOUT.name), None);
    }

    #[test]
    fn what_is_set_for_a_cache_goes_before_what_is_set_for_all() {
        let (vars, _) = vars(&[
            ("CACHEKIT_MEMCACHED_TIMEOUT", "1"),
            ("CACHEKIT_USERS_MEMCACHED_TIMEOUT", "2"),
            ("CACHEKIT_PASSWORD", "3"),
        ]);
        let own = vars.of_cache("users");
        assert_eq!(
            (own.get(TIMEOUT.name), own.get(PASSWORD.name)),
            (Some("2"), None)
        );
        let all = own.or(&vars);
        assert_eq!(
            (all.get(TIMEOUT.name), all.get(PASSWORD.name)),
            (Some("2"), Some("3"))
        );
    }

    #[test]
    fn the_service_links_of_kubernetes_are_not_ours() {
        let (vars, mut problems) = vars(&[
            ("CACHEKIT_MEMCACHED_SERVICE_HOST", "10.0.0.1"),
            ("CACHEKIT_MEMCACHED_PORT", "tcp://10.0.0.1:11211"),
            ("CACHEKIT_MEMCACHED_PORT_11211_TCP_ADDR", "10.0.0.1"),
        ]);
        vars.check_names(&[TIMEOUT], &[], &mut problems);
        assert!(problems.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_value_that_is_not_utf8_is_reported_by_name() {
        use std::os::unix::ffi::OsStringExt;
        let mut problems = Problems::default();
        let name = OsString::from("CACHEKIT_NAMESPACE");
        Vars::from_os([(name, OsString::from_vec(vec![0xff]))], &mut problems);
        assert!(problems.to_string().contains("CACHEKIT_NAMESPACE"));
    }

    #[test]
    fn nan_and_infinity_are_not_seconds() {
        assert_eq!(seconds(0.1..=30.0)("NaN"), None);
        assert_eq!(seconds(0.1..=30.0)("inf"), None);
        assert_eq!(
            seconds(0.1..=30.0)("1.5"),
            Some(Duration::from_millis(1_500))
        );
    }
}
