//! What the rules are checked on: the files of this repository, and what cargo says of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::CRATES;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

pub(crate) fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
}

/// Every source below a folder, by its path from the root. Files of tests alone are left out.
pub(crate) fn rust_files(folder: &str) -> Vec<(String, String)> {
    let mut files = sources_and_tests(folder);
    files.retain(|(file, _)| {
        let inside = file.strip_prefix(folder).unwrap_or(file);
        !inside.contains("/tests/") && !inside.ends_with("/tests.rs")
    });
    files
}

pub(crate) fn sources_and_tests(folder: &str) -> Vec<(String, String)> {
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

pub(crate) fn all_sources() -> Vec<(String, String)> {
    let members = ["", "bench/", "xtask/"].into_iter().map(str::to_owned);
    let crates = CRATES.iter().skip(1).map(|(name, _)| format!("{name}/"));
    let sources: Vec<_> = members
        .chain(crates)
        .flat_map(|member| rust_files(&format!("{member}src")))
        .collect();
    assert!(sources.len() > 30, "only {} sources found", sources.len());
    sources
}

pub(crate) fn metadata() -> Value {
    let text = cargo(&["metadata", "--no-deps", "--format-version=1"]);
    serde_json::from_str(&text).expect("cargo writes JSON")
}

pub(crate) fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "cargo {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("cargo writes UTF-8")
}
