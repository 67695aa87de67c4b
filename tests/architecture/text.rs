//! What of a source is code, and where a word of it begins.

/// The text without its tests, which come last, and without whole lines of comment.
pub(crate) fn code(text: &str) -> String {
    let lines = without_tests(text).lines();
    let code: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    code.join("\n")
}

pub(crate) fn without_tests(text: &str) -> &str {
    let tests = text.match_indices("#[cfg(test)]\n").find(|(at, marker)| {
        let outermost = *at == 0 || text[..*at].ends_with('\n');
        // Attributes may come in between; what they hold is indented, or no letter.
        let item = text[at + marker.len()..]
            .lines()
            .find(|line| line.starts_with(|c: char| c.is_ascii_lowercase()));
        outermost && item.is_some_and(|item| item.starts_with("mod tests {"))
    });
    tests.map_or(text, |(at, _)| &text[..at])
}

pub(crate) fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let behind = code[at + word.len()..].chars().next();
        !is_in_word(code, at) && !behind.is_some_and(is_word)
    })
}

/// Whether what begins at `at` is the tail of a longer word.
pub(crate) fn is_in_word(code: &str, at: usize) -> bool {
    code[..at].chars().next_back().is_some_and(is_word)
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// On made-up sources: the check can fail.
mod tests {
    use super::*;

    #[test]
    fn lines_of_tests_do_not_count() {
        assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\n}\n"), "a\n");
    }
}
