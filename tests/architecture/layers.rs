//! Which modules of a crate a file names.

use std::collections::BTreeSet;

use crate::text::{code, has_word, is_in_word, is_word};

/// The modules of a crate, from top to bottom. A module may name those of lower rows only.
pub(crate) struct Layers {
    pub(crate) sources: &'static str,
    pub(crate) rows: &'static [&'static [&'static str]],
    /// Words that a module does not know, beside the modules above it.
    pub(crate) ignorant: &'static [(&'static str, &'static [&'static str])],
}

impl Layers {
    /// What is wrong with a file of this crate.
    pub(crate) fn violations(&self, file: &str, text: &str) -> Vec<String> {
        let path = module_path(file.strip_prefix(self.sources).unwrap_or(file));
        let Some(module) = path.first() else {
            return Vec::new(); // lib.rs sees everything
        };
        let Some(row) = self.row(module) else {
            return vec![format!(
                "{file}: {module} has no place in tests/architecture"
            )];
        };
        let code = code(text);
        let mut found = Vec::new();
        for name in imports(&path, &code) {
            match self.row(&name) {
                _ if name == *module => {}
                Some(other) if other > row => {}
                Some(_) => found.push(format!("{file} names {name}, which is not below {module}")),
                None => found.push(format!("{file} names {name} of the root, not its module")),
            }
        }
        for (ignorant, words) in self.ignorant {
            if ignorant == module {
                let known = words.iter().filter(|word| has_word(&code, word));
                found.extend(known.map(|word| format!("{file} knows {word}")));
            }
        }
        found
    }

    fn row(&self, module: &str) -> Option<usize> {
        self.rows.iter().position(|row| row.contains(&module))
    }
}

/// `/cache/job.rs` is `cache::job`, `/cache/mod.rs` is `cache`, `/lib.rs` is the root.
fn module_path(file: &str) -> Vec<String> {
    let path = file.trim_start_matches('/').trim_end_matches(".rs");
    let mut path: Vec<String> = path.split('/').map(str::to_owned).collect();
    if path
        .last()
        .is_some_and(|last| ["mod", "lib", "main"].contains(&&**last))
    {
        path.pop();
    }
    path
}

/// The names behind `crate::`, and behind as many `super::` as lead to the root.
fn imports(path: &[String], code: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for (at, _) in code.match_indices("crate::") {
        if !is_in_word(code, at) {
            names.extend(heads(&code[at + "crate::".len()..]));
        }
    }
    for (at, _) in code.match_indices("super::") {
        let first = !is_in_word(code, at) && !code[..at].ends_with("super::");
        let mut rest = &code[at..];
        let mut ups = 0;
        while let Some(behind) = rest.strip_prefix("super::") {
            rest = behind;
            ups += 1;
        }
        if first && ups >= path.len() {
            names.extend(heads(rest));
        }
    }
    names
}

/// The first segments of a path, or of each path of a group in braces.
fn heads(rest: &str) -> Vec<String> {
    let Some(group) = rest.strip_prefix('{') else {
        let end = rest.find(|c: char| !is_word(c)).unwrap_or(rest.len());
        return vec![rest[..end].to_owned()];
    };
    let mut names = Vec::new();
    let mut depth = 0_usize;
    let mut part = String::new();
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.extend(heads(std::mem::take(&mut part).trim_start())),
            _ => {}
        }
        if depth > 0 || c != ',' {
            part.push(c);
        }
    }
    names.extend(heads(part.trim_start()));
    names.retain(|name| !name.is_empty());
    names
}

/// On made-up sources: the check can fail.
mod tests {
    use super::*;

    const MADE_UP: Layers = Layers {
        sources: "made-up/src",
        rows: &[&["top"], &["left", "right"], &["bottom"]],
        ignorant: &[("right", &["tokio"])],
    };

    fn violations(file: &str, text: &str) -> Vec<String> {
        MADE_UP.violations(&format!("made-up/src/{file}"), text)
    }

    #[test]
    fn arrows_that_point_down_are_fine_and_may_skip() {
        let text =
            "use crate::bottom::A;\nuse crate::{left::B, right::{C, D}};\nuse super::top::E;";
        assert!(violations("top.rs", text).is_empty());
        assert!(violations("top/mod.rs", text).is_empty());
    }

    #[test]
    fn an_arrow_up_is_found_however_it_is_written() {
        for text in [
            "use crate::top::A;",
            "use crate::{bottom::B, top::A};",
            "use crate::{\n    bottom::{B, C},\n    top,\n};",
            "fn f() -> crate::top::A {}",
            "use super::top::A;",
            "use super::{bottom::B, top::A};",
        ] {
            let expected = ["made-up/src/left.rs names top, which is not below left"];
            assert_eq!(violations("left.rs", text), expected, "{text}");
        }
        let nested = violations("left/deep.rs", "use super::super::top::A;");
        assert_eq!(nested.len(), 1);
    }

    #[test]
    fn an_arrow_sideways_is_found() {
        assert_eq!(violations("left.rs", "use crate::right::A;").len(), 1);
    }

    #[test]
    fn within_a_module_everything_goes() {
        let text = "use super::other::A;\nuse crate::left::deep::B;\nuse self::C;";
        assert!(violations("left/deep.rs", text).is_empty());
    }

    #[test]
    fn a_name_that_only_ends_like_crate_is_no_import() {
        assert!(violations("left.rs", "use some_crate::top::A;").is_empty());
    }

    #[test]
    fn an_import_through_the_root_is_found() {
        assert_eq!(violations("left.rs", "use crate::Error;").len(), 1);
    }

    #[test]
    fn comments_and_tests_may_name_anything() {
        let text = "\
/// See [`A`](crate::top::A).
fn f() {}

#[cfg(test)]
#[expect(
    lint,
    reason = \"\"
)]
mod tests {
    use crate::top::A;
}
";
        assert!(violations("left.rs", text).is_empty());
        let not_last = "#[cfg(test)]\nuse crate::bottom::A;\nuse crate::top::B;\n";
        assert_eq!(violations("left.rs", not_last).len(), 1);
    }

    #[test]
    fn a_module_without_a_place_is_found() {
        assert_eq!(violations("new.rs", "").len(), 1);
    }

    #[test]
    fn a_word_that_a_module_must_not_know_is_found() {
        assert_eq!(violations("right.rs", "use tokio::net;").len(), 1);
        assert!(violations("right.rs", "use tokio_like::net;").is_empty());
        assert!(violations("left.rs", "use tokio::net;").is_empty());
    }
}
