//! "Did you mean": the known word nearest to a mistyped one.

use proc_macro2::Ident;
use syn::Error;

const OPTIONS: [&str; 20] = [
    "ttl",
    "grace",
    "timeout",
    "negative_ttl",
    "stale_while_refresh",
    "tags",
    "many",
    "namespace",
    "name",
    "version",
    "key",
    "skip",
    "cache",
    "codec",
    "condition",
    "unless",
    "cache_none",
    "local",
    "companions",
    "crate",
];

/// Words that other caches use, and ours for them.
const SYNONYMS: [(&[&str], &str); 15] = [
    (
        &[
            "expire", "expires", "expiry", "time", "max_age", "lifetime", "duration",
        ],
        "ttl",
    ),
    (
        &[
            "time_to_live",
            "ttl_secs",
            "ttl_seconds",
            "ttl_millis",
            "seconds",
        ],
        "ttl",
    ),
    (
        &[
            "stale",
            "max_stale",
            "stale_if_error",
            "fail_safe",
            "failover",
            "result_fallback",
        ],
        "grace",
    ),
    (
        &[
            "swr",
            "stale_while_revalidate",
            "serve_stale",
            "allow_stale",
        ],
        "stale_while_refresh",
    ),
    (
        &["none_ttl", "null_ttl", "empty_ttl", "not_found_ttl"],
        "negative_ttl",
    ),
    (&["hard_timeout", "soft_timeout", "deadline"], "timeout"),
    (&["tag", "labels", "dependencies"], "tags"),
    (&["batch", "bulk", "each", "multi"], "many"),
    (&["prefix", "key_prefix", "group", "region"], "namespace"),
    (&["ignore", "exclude", "skip_args", "without"], "skip"),
    (&["when", "cache_if", "guard"], "condition"),
    (&["format", "serializer", "encoding"], "codec"),
    (&["backend", "store", "client", "ty", "create"], "cache"),
    (&["option", "none", "cache_option"], "cache_none"),
    (&["memory", "in_memory", "l1_only"], "local"),
];

/// What to say of an option that there is not.
pub(crate) fn unknown_option(name: &Ident) -> Error {
    let word = name.to_string();
    let synonym = SYNONYMS
        .iter()
        .find(|(words, _)| words.contains(&word.as_str()));
    let meant = synonym
        .map(|(_, ours)| *ours)
        .or_else(|| nearest(&word, OPTIONS));
    let message = match (word.as_str(), meant) {
        ("cache_err" | "cache_error" | "result", _) => format!(
            "unknown option `{word}`: `Err` is never cached; to cache a failure, return it inside \
             `Ok`"
        ),
        ("max_size" | "size" | "capacity" | "limit" | "max_entries", _) => format!(
            "unknown option `{word}`: the size is a bound of the cache, not of a function; set \
             `CACHEKIT_L1_MAX_ENTRIES`, or pass a cache of your own with `cache = …`"
        ),
        (_, Some(meant)) => format!("unknown option `{word}`; did you mean `{meant}`?"),
        (_, None) => {
            format!(
                "unknown option `{word}`; the options are `{}`",
                OPTIONS.join("`, `")
            )
        }
    };
    Error::new(name.span(), message)
}

/// The candidate within two edits of `word`, if there is one.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(edits, candidate)| *edits <= 2 && *edits < candidate.len())
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// Levenshtein's distance, one row of the matrix at a time.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.chars().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.chars().count()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_edits_are_near_and_three_are_not() {
        assert_eq!(distance("namepsace", "namespace"), 2);
        assert_eq!(
            nearest("namepsace", ["name", "namespace"]),
            Some("namespace")
        );
        assert_eq!(nearest("spacename", ["name", "namespace"]), None);
    }

    #[test]
    fn a_word_that_keeps_no_letter_is_not_near() {
        assert_eq!(nearest("xy", ["id", "ab"]), None);
    }
}
