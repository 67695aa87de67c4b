//! Who may import whom, and the house rules that no lint knows. ARCHITECTURE.md says why.

mod dependencies;
mod layers;
mod links;
mod names;
mod sources;
mod text;

use std::collections::BTreeSet;

use dependencies::forbidden_dependencies;
use layers::Layers;
use links::linked_tests;
use names::{empty_names, names_behind_the_facade, names_in_backticks, variable_names};
use sources::{all_sources, cargo, metadata, read, rust_files, sources_and_tests};
use text::without_tests;

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

const LAYERS: &[Layers] = &[
    Layers {
        sources: "cachekit-core/src",
        rows: &[
            &["testkit"], // nothing imports it
            &["cache"],
            &["policy", "l1"],
            &["codec", "envelope", "schema", "backend", "timers"],
            &["key", "config", "clock"],
            &["ttl", "env", "background"],
            &["error"],
        ],
        ignorant: &[],
    },
    Layers {
        sources: "cachekit-memcached/src",
        rows: &[
            &["backend"],
            &["client"],
            &["ring", "node"],
            &["connection", "testkit"], // servers, which know of no client: one may be in memory
            &["protocol"],
            &["config", "chance"],
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
            &["verify"],
            &["backend"],
            &["given"],
            &["store"],
            &["read", "write", "budget", "owner"],
            &["folder", "pool", "touch", "warm", "report"],
            &["head", "leads", "scan", "queue", "directory"],
            &["lock"],
            &["file"],
            &["layout", "entry", "usage"],
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
        if file != "examples/custom_backend.rs" && !file.starts_with("tests/architecture/") {
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

#[test]
fn every_test_that_the_readme_links_to_is_in_its_file() {
    let readme = read("README.md");
    let links = linked_tests(&readme);
    assert!(links.len() > 20, "only {links:?} are linked");
    for link in links {
        assert!(
            read(link.file).contains(&format!("fn {}(", link.test)),
            "README.md links to {link:?}, which is no test"
        );
    }
}
