//! The names that a text declares, or speaks of.

use crate::text::{code, is_in_word, is_word, without_tests};
use crate::{CRATES, EMPTY_NAMES};

pub(crate) fn names_behind_the_facade(file: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let names = CRATES.iter().map(|(name, _)| name.replace('-', "_"));
    let behind = names.filter(|name| name != "cachekit");
    behind
        .filter(|name| {
            code.match_indices(name.as_str()).any(|(at, _)| {
                !is_in_word(&code, at) && !code[at + name.len()..].starts_with("::testkit")
            })
        })
        .map(|name| format!("{file} names {name}"))
        .collect()
}

pub(crate) fn empty_names(file: &str, text: &str) -> Vec<String> {
    let code = code(text);
    let declared = code.lines().filter_map(|line| {
        let (_, name) = line.split_once("mod ")?;
        name.split(|c: char| !is_word(c)).next()
    });
    let path = file.trim_end_matches(".rs").split('/');
    path.chain(declared)
        .filter(|name| EMPTY_NAMES.contains(name))
        .map(|name| format!("{file}: {name}"))
        .collect()
}

/// The names of the variables that a file declares.
pub(crate) fn variable_names(text: &str) -> Vec<String> {
    without_tests(text)
        .split(": Variable = Variable {")
        .skip(1)
        .filter_map(|body| Some(body.split_once("name: \"")?.1.split_once('"')?.0.to_owned()))
        .collect()
}

/// The names of functions of three words or more, in backticks.
pub(crate) fn names_in_backticks(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|name| name.chars().all(is_word) && name.matches('_').count() > 1)
        .collect()
}

/// On made-up sources: the check can fail.
mod tests {
    use super::*;

    #[test]
    fn a_name_behind_the_facade_is_found() {
        let names = |text| names_behind_the_facade("tests/a.rs", text).len();
        assert_eq!(names("use cachekit::Cache;"), 0);
        assert_eq!(names("use cachekit_core::testkit::ManualClock;"), 0);
        assert_eq!(names("use cachekit_core::cache::Cache;"), 1);
    }

    #[test]
    fn an_empty_name_is_found_as_file_folder_and_module() {
        assert_eq!(empty_names("src/utils.rs", "").len(), 1);
        assert_eq!(empty_names("src/common/key.rs", "").len(), 1);
        assert_eq!(
            empty_names("src/key.rs", "pub(crate) mod helpers {").len(),
            1
        );
        assert!(empty_names("src/key.rs", "mod commonplace;").is_empty());
    }

    #[test]
    fn the_variables_of_a_file_are_found() {
        let text = "\
pub const A: Variable = Variable {
    name: \"CACHEKIT_A\",
};
#[cfg(test)]
mod tests {
    const B: Variable = Variable {
        name: \"CACHEKIT_B\",
    };
}
";
        assert_eq!(variable_names(text), ["CACHEKIT_A"]);
    }

    #[test]
    fn only_names_of_functions_are_looked_for() {
        let text = "`a_test_name`, `cargo xtask test`, `Clock`, `env_table`";
        assert_eq!(names_in_backticks(text), ["a_test_name"]);
    }
}
