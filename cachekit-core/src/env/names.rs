//! The names of variables: those of named caches, and those that are misspelt.

use super::{PREFIX, Problems, Variable, Vars};

impl Vars {
    /// Reports names that look like one of `known`, alone or of one of `caches`, and are none:
    /// within an edit distance of two it is an error that says which is closest, else a warning is
    /// logged.
    pub fn check_names(&self, known: &[Variable], caches: &[&str], problems: &mut Problems) {
        let alone = known
            .iter()
            .map(|variable| (variable.name.to_owned(), variable));
        let mut names: Vec<(String, &Variable)> = alone.collect();
        for cache in caches {
            names.extend(
                known
                    .iter()
                    .map(|variable| (name_of_cache(variable.name, cache), variable)),
            );
        }
        for (name, value) in &self.0 {
            if names.iter().any(|(known, _)| known == name) {
                continue;
            }
            let near = names
                .iter()
                .filter_map(|(known, variable)| Some((distance(known, name)?, known, variable)))
                .min_by_key(|(distance, ..)| *distance);
            match near {
                Some((_, known, variable)) => {
                    let expected = format!("a known name; did you mean {known}?");
                    // A misspelt secret is still a secret.
                    problems.add(name, (!variable.secret).then_some(value), expected);
                }
                None if known
                    .iter()
                    .any(|variable| is_of_some_cache(name, variable)) =>
                {
                    tracing::warn!(variable = %name, "no cache of this name is declared so far, ignored");
                }
                None => tracing::warn!(variable = %name, "unknown CacheKit variable, ignored"),
            }
        }
    }
}

/// What the variables of the cache `name` begin with.
pub(super) fn prefix(name: &str) -> String {
    format!("{PREFIX}{}_", name.to_ascii_uppercase())
}

/// The name of `variable` for the cache `name`: `CACHEKIT_CATALOG_BACKEND` for `CACHEKIT_BACKEND`
/// and `catalog`.
#[must_use]
pub fn name_of_cache(variable: &str, name: &str) -> String {
    let rest = variable.strip_prefix(PREFIX).unwrap_or(variable);
    format!("{}{rest}", prefix(name))
}

/// Whether `name` is that of `variable` for a cache of whatever name.
fn is_of_some_cache(name: &str, variable: &Variable) -> bool {
    let rest = variable.name.strip_prefix(PREFIX);
    let before = rest.and_then(|rest| name.strip_suffix(rest));
    before.is_some_and(|before| before.len() > PREFIX.len() && before.ends_with('_'))
}

/// How far `name` is from `known`, if that is near.
fn distance(known: &str, name: &str) -> Option<usize> {
    let near = known.len().abs_diff(name.len()) <= 2;
    near.then(|| edit_distance(known, name))
        .filter(|distance| *distance <= 2)
}

/// Levenshtein's distance, over bytes.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let substituted = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::env::tests::{PASSWORD, TIMEOUT, vars};

    #[test]
    fn a_misspelt_name_is_an_error_that_says_which_was_meant() {
        let (vars, mut problems) = vars(&[("CACHEKIT_MEMCACHED_TIMOUT", "1")]);
        vars.check_names(&[TIMEOUT], &[], &mut problems);
        assert!(
            problems
                .to_string()
                .contains("did you mean CACHEKIT_MEMCACHED_TIMEOUT")
        );
    }

    #[test]
    fn a_misspelt_name_of_a_cache_is_an_error_that_says_the_closest() {
        let check = |name| {
            let (vars, mut problems) = vars(&[(name, "1")]);
            vars.check_names(&[PASSWORD, TIMEOUT], &["user", "users"], &mut problems);
            problems.to_string()
        };
        assert_eq!(check("CACHEKIT_USERS_MEMCACHED_TIMEOUT"), "");
        assert_eq!(check("CACHEKIT_USER_MEMCACHED_TIMEOUT"), "");
        let misspelt = check("CACHEKIT_USERSS_MEMCACHED_TIMEOUT");
        assert!(misspelt.ends_with("did you mean CACHEKIT_USERS_MEMCACHED_TIMEOUT?"));
        let closest = check("CACHEKIT_USERS_MEMCACHED_TIMEOUTS");
        assert!(closest.ends_with("did you mean CACHEKIT_USERS_MEMCACHED_TIMEOUT?"));
        assert!(check("CACHEKIT_USERS_PASSWORT").contains("(value hidden)"));
    }

    #[test]
    fn a_name_like_no_other_is_not_an_error() {
        let (vars, mut problems) = vars(&[("CACHEKIT_SOMETHING_ELSE", "1")]);
        vars.check_names(&[TIMEOUT], &[], &mut problems);
        assert!(problems.is_empty());
    }

    #[test]
    fn a_name_may_be_that_of_a_cache_that_is_declared_later() {
        assert!(is_of_some_cache("CACHEKIT_USERS_PASSWORD", &PASSWORD));
        for name in [
            "CACHEKIT_PASSWORD",
            "CACHEKIT_USERSPASSWORD",
            "CACHEKIT_USERS_PASSWORDS",
        ] {
            assert!(!is_of_some_cache(name, &PASSWORD), "{name}");
        }
    }

    #[test]
    fn the_edit_distance_counts_insertions_deletions_and_substitutions() {
        assert_eq!(edit_distance("TIMEOUT", "TIMOUT"), 1);
        assert_eq!(edit_distance("SERVERS", "SERVRES"), 2);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
