//! The tests that a page links to: `[yes](tests/macros/removes.rs "name_of_the_test")`.

use crate::text::is_word;

/// A link to a test.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Link<'a> {
    pub(crate) file: &'a str,
    pub(crate) test: &'a str,
}

/// The links of a page that name a test.
pub(crate) fn linked_tests(page: &str) -> Vec<Link<'_>> {
    let targets = page.split("](").skip(1);
    let targets = targets.filter_map(|rest| Some(rest.split_once(')')?.0));
    targets
        .filter_map(|target| {
            let (file, title) = target.split_once(" \"")?;
            let test = title.strip_suffix('"')?;
            let is_name = test.chars().all(is_word) && test.contains('_');
            is_name.then_some(Link { file, test })
        })
        .collect()
}

/// On made-up pages: the check can fail.
mod tests {
    use super::*;

    #[test]
    fn a_link_that_names_a_test_is_found_and_no_other() {
        let page = "\
| [yes](tests/a.rs \"one_is_computed\"), [or so](tests/b.rs \"another_waits\") |
[a page](docs/a.md), [a title](docs/b.md \"Some words\"), (not \"a_link\")
";
        let links = [
            ("tests/a.rs", "one_is_computed"),
            ("tests/b.rs", "another_waits"),
        ];
        let links = links.map(|(file, test)| Link { file, test });
        assert_eq!(linked_tests(page), links);
    }
}
