//! "Did you mean": the known word nearest to a mistyped one.

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
