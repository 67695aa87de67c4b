//! Who may import whom, and the house rules that no lint knows. ARCHITECTURE.md says why.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// What a crate of ours may depend on among ours. Those that are not here may take anything.
const CRATES: &[(&str, &[&str])] = &[
    (
        "cachekit",
        &[
            "cachekit-core",
            "cachekit-macros",
            "cachekit-memcached",
            "cachekit-file",
        ],
    ),
    ("cachekit-core", &[]),
    ("cachekit-macros", &[]),
    ("cachekit-memcached", &["cachekit-core"]),
    ("cachekit-file", &["cachekit-core"]),
];

/// What a crate's own tests may take beside.
const FOR_TESTS: &[(&str, &[&str])] = &[
    ("cachekit", &["cachekit"]),
    ("cachekit-core", &["cachekit-core"]),
    (
        "cachekit-macros",
        &["cachekit-macros", "cachekit-core", "cachekit"],
    ),
    ("cachekit-memcached", &["cachekit-memcached"]),
    ("cachekit-file", &["cachekit-file"]),
];

/// The modules of a crate, from top to bottom. A module may name those of lower rows only.
struct Layers {
    sources: &'static str,
    rows: &'static [&'static [&'static str]],
    /// Words that a module does not know, beside the modules above it.
    ignorant: &'static [(&'static str, &'static [&'static str])],
}

const LAYERS: &[Layers] = &[
    Layers {
        sources: "cachekit-core/src",
        rows: &[
            &["testkit"], // nothing imports it
            &["cache"],
            &["policy", "l1"],
            &["codec", "envelope", "schema", "backend"],
            &["key", "config", "clock"],
            &["ttl", "env", "background"],
            &["error"],
        ],
        ignorant: &[],
    },
    Layers {
        sources: "cachekit-memcached/src",
        rows: &[
            &["testkit"],
            &["backend"],
            &["client"],
            &["ring", "node"],
            &["connection"],
            &["protocol"],
            &["config"],
            &["error"],
        ],
        ignorant: &[
            ("ring", &["tokio", "cachekit_core"]),
            ("protocol", &["tokio", "cachekit_core"]),
        ],
    },
    Layers {
        sources: "cachekit-file/src",
        rows: &[
            &["backend"],
            &["store"],
            &["sweep", "write"],
            &["directory", "ledger", "file"],
            &["layout", "entry"],
            &["config"],
            &["error"],
        ],
        ignorant: &[],
    },
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "utils", "util", "helpers", "helper", "common", "inner", "manager", "types", "misc",
];

/// Lines of a source file, its tests left out.
const MAX_LINES: usize = 400;

/// Files that may be longer, and why.
const LONG_FILES: &[(&str, &str)] = &[];

const MAX_FACADE_LINES: usize = 150;

// The rules, on the repository.

#[test]
fn crates_depend_on_those_that_they_may() {
    assert_eq!(forbidden_dependencies(&metadata()), Vec::<String>::new());
}

#[test]
fn the_core_is_built_without_syn_and_without_a_backend() {
    let tree = cargo(&[
        "tree",
        "--manifest-path=cachekit-core/Cargo.toml", // another crate of this name is on crates.io
        "--edges=normal,no-proc-macro",
        "--prefix=none",
        "--format={lib}",
    ]);
    let libraries: BTreeSet<&str> = tree.split_whitespace().collect();
    assert!(libraries.contains("tokio"), "{tree}");
    for library in ["syn", "quote", "proc_macro2", "cachekit_memcached"] {
        assert!(!libraries.contains(library), "cachekit-core has {library}");
    }
}

#[test]
fn modules_name_only_those_below_them() {
    let mut found = Vec::new();
    for layers in LAYERS {
        for (file, text) in rust_files(layers.sources) {
            found.extend(layers.violations(&file, &text));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn examples_and_tests_name_the_facade() {
    let mut found = Vec::new();
    for (file, text) in rust_files("examples")
        .into_iter()
        .chain(rust_files("tests"))
    {
        // An author of a backend does name the core.
        if file != "examples/custom_backend.rs" && file != "tests/architecture.rs" {
            found.extend(names_behind_the_facade(&file, &text));
        }
    }
    assert_eq!(found, Vec::<String>::new());
}

#[test]
fn names_say_what_is_inside() {
    let named: Vec<String> = all_sources()
        .into_iter()
        .flat_map(|(file, text)| empty_names(&file, &text))
        .collect();
    assert_eq!(named, Vec::<String>::new());
}

#[test]
fn source_files_are_short_or_say_why_not() {
    let long: BTreeSet<String> = all_sources()
        .into_iter()
        .filter(|(_, text)| without_tests(text).lines().count() > MAX_LINES)
        .map(|(file, _)| file)
        .collect();
    let excused: BTreeSet<String> = LONG_FILES.iter().map(|(file, _)| (*file).into()).collect();
    assert_eq!(long, excused, "longer than {MAX_LINES} lines | LONG_FILES");
}

#[test]
fn the_facade_is_short() {
    let lines = read("src/lib.rs").lines().count();
    assert!(lines <= MAX_FACADE_LINES, "src/lib.rs has {lines} lines");
}

#[test]
fn every_variable_is_in_the_reference() {
    let reference = read("docs/environment.md");
    let mut variables = 0;
    for (file, text) in all_sources() {
        for name in variable_names(&text) {
            variables += 1;
            let row = format!("| `{name}` |");
            assert!(reference.contains(&row), "{name} of {file} is missing");
        }
    }
    assert!(variables > 0, "no constant of type Variable was found");
}

#[test]
fn every_test_that_the_map_names_is_there() {
    let map = read("ARCHITECTURE.md");
    let (_, invariants) = map
        .split_once("\n## What always holds\n")
        .expect("the map has this section");
    let names = names_in_backticks(invariants);
    assert!(names.len() > 10, "only {names:?} are named");
    let folders = CRATES.iter().map(|(name, _)| *name);
    let folders = folders.chain(["src", "tests", "xtask", "bench"]);
    let everything: String = folders
        .filter(|folder| *folder != "cachekit")
        .flat_map(sources_and_tests)
        .map(|(_, text)| text)
        .collect();
    for name in names {
        assert!(
            everything.contains(&format!("fn {name}(")),
            "ARCHITECTURE.md names {name}, which is no test"
        );
    }
}

// How they are checked.

fn forbidden_dependencies(metadata: &Value) -> Vec<String> {
    let allowed: BTreeMap<_, _> = CRATES.iter().copied().collect();
    let for_tests: BTreeMap<_, _> = FOR_TESTS.iter().copied().collect();
    let mut found = Vec::new();
    for package in array(&metadata["packages"]) {
        let name = package["name"].as_str().unwrap_or_default();
        let Some(below) = allowed.get(name) else {
            continue;
        };
        for dependency in array(&package["dependencies"]) {
            let on = dependency["name"].as_str().unwrap_or_default();
            let ours = on.starts_with("cachekit") || on == "xtask";
            let dev = dependency["kind"] == "dev";
            let testkit = array(&dependency["features"]).contains(&"testkit".into());
            let beside = dev && (for_tests[name].contains(&on) || on == "cachekit-core");
            if ours && !below.contains(&on) && !beside {
                found.push(format!("{name} depends on {on}"));
            }
            if ours && testkit && !dev {
                found.push(format!("{name} takes the testkit of {on} outside of tests"));
            }
        }
    }
    found
}

impl Layers {
    /// What is wrong with a file of this crate.
    fn violations(&self, file: &str, text: &str) -> Vec<String> {
        let path = module_path(file.strip_prefix(self.sources).unwrap_or(file));
        let Some(module) = path.first() else {
            return Vec::new(); // lib.rs sees everything
        };
        let Some(row) = self.row(module) else {
            return vec![format!(
                "{file}: {module} has no place in tests/architecture.rs"
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

fn names_behind_the_facade(file: &str, text: &str) -> Vec<String> {
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

fn empty_names(file: &str, text: &str) -> Vec<String> {
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
fn variable_names(text: &str) -> Vec<String> {
    without_tests(text)
        .split(": Variable = Variable {")
        .skip(1)
        .filter_map(|body| Some(body.split_once("name: \"")?.1.split_once('"')?.0.to_owned()))
        .collect()
}

/// The names of functions of three words or more, in backticks.
fn names_in_backticks(text: &str) -> Vec<&str> {
    let quoted = text.split('`').skip(1).step_by(2);
    quoted
        .filter(|name| name.chars().all(is_word) && name.matches('_').count() > 1)
        .collect()
}

/// The text without its tests, which come last, and without whole lines of comment.
fn code(text: &str) -> String {
    let lines = without_tests(text).lines();
    let code: Vec<&str> = lines
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect();
    code.join("\n")
}

fn without_tests(text: &str) -> &str {
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

fn has_word(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let behind = code[at + word.len()..].chars().next();
        !is_in_word(code, at) && !behind.is_some_and(is_word)
    })
}

/// Whether what begins at `at` is the tail of a longer word.
fn is_in_word(code: &str, at: usize) -> bool {
    code[..at].chars().next_back().is_some_and(is_word)
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

// What they are checked on.

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every source below a folder, by its path from the root. Files of tests alone are left out.
fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut files = sources_and_tests(folder);
    files.retain(|(file, _)| {
        let inside = file.strip_prefix(folder).unwrap_or(file);
        !inside.contains("/tests/") && !inside.ends_with("/tests.rs")
    });
    files
}

fn sources_and_tests(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        for path in paths {
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let file = path.strip_prefix(root()).expect("it lies below the root");
                let file = file.to_str().expect("our names are ASCII").to_owned();
                let text = read(&file);
                files.push((file, text));
            }
        }
    }
    files.sort();
    files
}

fn all_sources() -> Vec<(String, String)> {
    let members = ["", "bench/", "xtask/"].into_iter().map(str::to_owned);
    let crates = CRATES.iter().skip(1).map(|(name, _)| format!("{name}/"));
    let sources: Vec<_> = members
        .chain(crates)
        .flat_map(|member| rust_files(&format!("{member}src")))
        .collect();
    assert!(sources.len() > 30, "only {} sources found", sources.len());
    sources
}

fn metadata() -> Value {
    let text = cargo(&["metadata", "--no-deps", "--format-version=1"]);
    serde_json::from_str(&text).expect("cargo writes JSON")
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "cargo {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}

/// The checks themselves, on made-up sources: each can fail.
mod checks {
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

    #[test]
    fn a_dependency_that_points_up_is_found() {
        let package = |dependency: &str| {
            let text = format!(
                r#"{{"packages": [{{"name": "cachekit-file", "dependencies": [{dependency}]}}]}}"#
            );
            forbidden_dependencies(&serde_json::from_str(&text).unwrap()).len()
        };
        let core = r#"{"name": "cachekit-core", "kind": null, "features": []}"#;
        let testkit = r#"{"name": "cachekit-core", "kind": null, "features": ["testkit"]}"#;
        let dev = r#"{"name": "cachekit-core", "kind": "dev", "features": ["testkit"]}"#;
        let facade = r#"{"name": "cachekit", "kind": "dev", "features": []}"#;
        let other = r#"{"name": "cachekit-memcached", "kind": null, "features": []}"#;
        assert_eq!(package(core), 0);
        assert_eq!(package(testkit), 1);
        assert_eq!(package(dev), 0);
        assert_eq!(package(facade), 1);
        assert_eq!(package(other), 1);
    }

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

    #[test]
    fn lines_of_tests_do_not_count() {
        assert_eq!(without_tests("a\n#[cfg(test)]\nmod tests {\n}\n"), "a\n");
    }
}
