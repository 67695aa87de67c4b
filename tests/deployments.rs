//! One binary, three deployments: the quickstart, each time from a fresh process.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

use cachekit_memcached::testkit::{Server, addresses};
use serde_json::Value;
use tempfile::TempDir;

const FILES: u64 = 60;

/// A tree of files to digest.
fn tree() -> TempDir {
    let tree = tempfile::tempdir().unwrap();
    for n in 0..FILES {
        let folder = tree.path().join(format!("folder{}", n % 7));
        fs::create_dir_all(&folder).unwrap();
        fs::write(
            folder.join(format!("file{n}")),
            format!("content of file {n}"),
        )
        .unwrap();
    }
    // Neither of these is read.
    for skipped in [".git", "target"] {
        fs::create_dir(tree.path().join(skipped)).unwrap();
        fs::write(tree.path().join(skipped).join("file"), "").unwrap();
    }
    tree
}

/// The example, built once: `cargo test --test deployments` alone does not.
fn quickstart() -> &'static Path {
    static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
        let build = [
            "build",
            "--quiet",
            "--example",
            "quickstart",
            "--message-format=json",
        ];
        let root = env!("CARGO_MANIFEST_DIR");
        let built = Command::new(env!("CARGO"))
            .args(build)
            .current_dir(root)
            .output()
            .unwrap();
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let messages = String::from_utf8(built.stdout).unwrap();
        let executable = messages.lines().find_map(|line| {
            let message: Value = serde_json::from_str(line).ok()?;
            let quickstart = message["target"]["name"] == "quickstart";
            quickstart
                .then(|| message["executable"].as_str().map(PathBuf::from))
                .flatten()
        });
        executable.expect("cargo says where it has put the example")
    });
    &BUILT
}

fn run(tree: &Path, vars: &[(&str, &str)]) -> Output {
    let mut command = Command::new(quickstart());
    for variable in cachekit::variables() {
        command.env_remove(variable.name);
    }
    command
        .envs(vars.iter().copied())
        .arg(tree)
        .arg("--json")
        .output()
        .unwrap()
}

fn figures(tree: &Path, vars: &[(&str, &str)]) -> Value {
    let output = run(tree, vars);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

fn count(figures: &Value, name: &str) -> u64 {
    figures[name].as_u64().unwrap()
}

/// Computes everything, then nothing, then the one file that was changed.
fn outlives_the_process(vars: &[(&str, &str)], backend: &str) {
    let tree = tree();
    let expected = figures(tree.path(), &[]);
    for computed in [FILES, 0, 0] {
        let figures = figures(tree.path(), vars);
        assert_eq!(figures["backend"], backend);
        assert_eq!(figures["digest"], expected["digest"]);
        assert_eq!(count(&figures, "files"), FILES);
        assert_eq!(count(&figures, "computed"), computed);
        assert_eq!(count(&figures, "hits"), FILES - computed);
        assert_eq!(count(&figures, "cache_errors"), 0);
    }
    fs::write(tree.path().join("folder3/file3"), "changed").unwrap();
    let changed = figures(tree.path(), vars);
    assert_eq!(count(&changed, "computed"), 1);
    assert_eq!(changed["digest"], figures(tree.path(), &[])["digest"]);
}

#[test]
fn with_nothing_set_every_process_computes_for_itself() {
    let tree = tree();
    for _ in 0..2 {
        let figures = figures(tree.path(), &[]);
        assert_eq!(figures["backend"], "memory");
        assert_eq!(count(&figures, "computed"), FILES);
    }
}

#[test]
fn with_a_directory_a_second_process_computes_nothing() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("cache");
    let directory = directory.to_str().unwrap();
    let vars = [
        ("CACHEKIT_BACKEND", "file"),
        ("CACHEKIT_FILE_CACHE_DIR", directory),
    ];
    outlives_the_process(&vars, "file");
    // A directory alone is a choice.
    outlives_the_process(&vars[1..], "file");
}

#[test]
fn with_three_servers_a_second_process_computes_nothing_and_all_three_hold_keys() {
    let servers = [Server::start(), Server::start(), Server::start()];
    let list = serde_json::to_string(&addresses(&servers)).unwrap();
    outlives_the_process(&[("CACHEKIT_MEMCACHED_SERVERS", &list)], "memcached");
    for server in &servers {
        assert!(
            server.stat("curr_items") > 0,
            "{} holds nothing",
            server.address()
        );
    }
}

#[test]
fn with_the_servers_dead_the_digests_are_right_and_the_outage_is_told() {
    let tree = tree();
    let mut servers = [Server::start(), Server::start(), Server::start()];
    let list = serde_json::to_string(&addresses(&servers)).unwrap();
    let vars = [("CACHEKIT_MEMCACHED_SERVERS", list.as_str())];
    let alive = figures(tree.path(), &vars);
    servers.iter_mut().for_each(Server::kill);
    let output = run(tree.path(), &vars);
    assert!(output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("the cache was away"), "{told}");
    let dead: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(dead["digest"], alive["digest"]);
    assert_eq!(count(&dead, "computed"), FILES);
    assert!(count(&dead, "cache_errors") > 0);
}

/// Linux only: the file systems of macOS refuse such a name.
#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_name_is_no_text_is_computed_each_time() {
    use std::os::unix::ffi::OsStrExt as _;

    let tree = tree();
    let name = std::ffi::OsStr::from_bytes(b"no text: \xff");
    fs::write(tree.path().join(name), "content").unwrap();
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("cache");
    let vars = [("CACHEKIT_FILE_CACHE_DIR", directory.to_str().unwrap())];
    for computed in [FILES + 1, 1] {
        assert_eq!(count(&figures(tree.path(), &vars), "computed"), computed);
    }
}

#[test]
fn with_any_one_server_dead_what_a_process_computes_the_next_one_finds() {
    for dead in 0..3 {
        let tree = tree();
        let mut servers = [Server::start(), Server::start(), Server::start()];
        let list = serde_json::to_string(&addresses(&servers)).unwrap();
        let vars = [("CACHEKIT_MEMCACHED_SERVERS", list.as_str())];
        figures(tree.path(), &vars);
        servers[dead].kill();
        let computed = count(&figures(tree.path(), &vars), "computed");
        assert!(
            (1..FILES).contains(&computed),
            "{computed} computed without server {dead}"
        );
        let again = count(&figures(tree.path(), &vars), "computed");
        assert_eq!(again, 0, "without server {dead}");
    }
}

#[test]
fn a_misspelt_variable_ends_the_program_with_the_name_that_was_meant() {
    let tree = tree();
    let output = run(tree.path(), &[("CACHEKIT_MEMCACHED_TIMOUT", "1")]);
    assert!(!output.status.success());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("CACHEKIT_MEMCACHED_TIMEOUT"), "{told}");
}
