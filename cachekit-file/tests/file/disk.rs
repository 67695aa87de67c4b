//! A disk that is full, one that is read-only, and no more files to open: each in a process of its
//! own, the disks on file systems of its own. Where the system does not let a test have one, the
//! test says so.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend, NodeState, Stored, Want};
use cachekit_core::error::ErrorKind;
use cachekit_file::{Config, FileBackend};

use crate::child;
use crate::scratch::{LEADING, LONG, Scratch, folder_of_directory, key, set, value};

/// Runs `test` as a child with a file system of 256 KiB mounted at the directory that it works on.
fn on_a_small_disk(test: &str) {
    let scratch = Scratch::new();
    let mount = r#"mount -t tmpfs -o size=256k,mode=0700 none "$CACHEKIT_TEST_DIRECTORY" || exit 77
        "$@""#;
    let mut shell = Command::new("unshare");
    shell.args(["--map-root-user", "--mount", "sh"]);
    let run = child::by_script(shell, mount, test, scratch.path());
    child::passes_if_it_runs(run, "a disk of its own");
}

fn remount(config: &Config, how: &str) {
    let options = format!("remount,{how}");
    let status = Command::new("mount")
        .args(["-o", &options])
        .arg(&config.directory)
        .status();
    assert!(status.unwrap().success());
}

async fn fill_the_disk(config: Config) {
    let backend = FileBackend::new(config).unwrap();
    set(&backend, "old", b"old").await;
    let large = Bytes::from(vec![b'x'; 100_000]);
    let mut refused = None;
    for number in 0..10 {
        let key = key(&format!("k{number}"));
        if let Err(error) = backend.set(&key, large.clone(), LONG, None).await {
            refused = Some((key, error));
            break;
        }
    }
    let (refused, error) = refused.expect("the disk is small");
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.to_string().contains("full"), "{error}");
    assert_eq!(value(&backend, "old").await.unwrap(), "old");
    assert_eq!(value(&backend, "k0").await.unwrap(), large);

    backend.remove(&key("k0")).await.unwrap();
    backend
        .set(&refused, large.clone(), LONG, None)
        .await
        .expect("there is room again");
    assert_eq!(value(&backend, refused.as_str()).await.unwrap(), large);
}

/// One who has the budget locked is stopped, and there is no room for a copy.
async fn fill_the_disk_while_the_budget_is_held(config: Config) {
    let backend = FileBackend::new(config.clone()).unwrap();
    set(&backend, "k", b"old").await;
    let budget = config.directory.join("v1/budget");
    let held = File::open(&budget).unwrap();
    held.lock().unwrap();
    let before = std::fs::read(&budget).unwrap();
    let mut rest = File::create(config.directory.join("rest")).unwrap();
    while rest.write_all(&[b'x'; 4_096]).is_ok() {}

    let other = FileBackend::new(config.clone()).unwrap();
    let refused = other.set(&key("k"), Bytes::from("new"), LONG, None).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Rejected);
    assert_eq!(std::fs::read(&budget).unwrap(), before);

    rest.set_len(0).unwrap();
    set(&other, "k", b"new").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "new");
}

/// Small values, until not one more fits: each lies with others in some folder, or in none yet.
async fn fill_the_disk_to_the_last_page(config: Config) {
    let backend = FileBackend::new(config).unwrap();
    let mut stored = Vec::new();
    for number in 0..500 {
        let text = format!("k{number}");
        let small = Bytes::from(text.clone());
        match backend.set(&key(&text), small, LONG, None).await {
            Ok(_) => stored.push(text),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Rejected, "{error:?}");
                assert!(error.to_string().contains("full"), "{error}");
            }
        }
    }
    assert!((1..500).contains(&stored.len()), "the disk is small");
    for text in &stored {
        assert_eq!(value(&backend, text).await.unwrap(), text.as_bytes());
    }
    // What was refused is not there, and what makes room is not refused.
    assert_eq!(value(&backend, "k499").await, None);
    for text in &stored {
        backend.expire(&key(text)).await.unwrap();
        let lookup = backend.get(&key(text), Want::Value).await.unwrap();
        assert!(lookup.found.unwrap().stale);
    }
    for text in &stored {
        backend.remove(&key(text)).await.unwrap();
        assert_eq!(value(&backend, text).await, None);
    }
    for text in &stored {
        set(&backend, text, b"again").await;
    }
}

/// The entry is led and there, and the disk so full that only what spares hold is left.
async fn write_with_a_lead_on_a_full_disk(config: Config) {
    let backend = FileBackend::new(config.clone()).unwrap();
    for number in 0..8 {
        set(&backend, &format!("k{number}"), &[b'x'; 8_000]).await;
    }
    let want = Want::Lead {
        hold: LONG,
        early: Duration::ZERO,
        patience: Duration::ZERO,
    };
    let led = key("led");
    let lead = backend.get(&led, want).await.unwrap().lead.token().unwrap();
    for number in 0..8 {
        backend.remove(&key(&format!("k{number}"))).await.unwrap();
    }
    let rest = File::create(config.directory.join("rest")).unwrap();
    while (&rest).write_all(&[b'x'; 4_096]).is_ok() {}
    let value = Bytes::from(vec![b'y'; 12_000]);
    let stored = backend.set(&led, value, LONG, Some(&lead)).await;
    assert_eq!(stored.unwrap(), Stored::Stored);
}

#[tokio::test]
async fn a_lead_outlasts_a_disk_that_was_full_for_a_moment() {
    match child::config() {
        Some(config) => write_with_a_lead_on_a_full_disk(config).await,
        None => on_a_small_disk("disk::a_lead_outlasts_a_disk_that_was_full_for_a_moment"),
    }
}

async fn make_the_disk_read_only(config: Config) {
    let backend = FileBackend::new(config.clone()).unwrap();
    set(&backend, "k", b"v").await;
    set(&backend, "torn", b"v").await;
    let name = blake3::hash(b"torn").to_hex();
    let torn = folder_of_directory(&config.directory, "torn").join(name.as_str());
    std::fs::write(torn, b"rubbish").unwrap();
    remount(&config, "ro");
    assert_eq!(value(&backend, "k").await.unwrap(), "v");
    assert_eq!(value(&backend, "torn").await, None);
    let errors = [
        backend
            .set(&key("k"), Bytes::from("new"), LONG, None)
            .await
            .map(|_| ())
            .unwrap_err(),
        backend.expire(&key("k")).await.unwrap_err(),
        backend.remove(&key("k")).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.to_string().contains("read-only"), "{error}");
    }
    assert_eq!(backend.health().await.state(), NodeState::Degraded);
    remount(&config, "rw");
    set(&backend, "k", b"new").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "new");
    assert_eq!(backend.health().await.state(), NodeState::Up);
}

#[test]
fn a_test_that_cannot_have_a_disk_says_so_although_it_passes() {
    let run = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "disk::a_full_disk_is_a_typed_error_and_keeps_what_is_there",
        ])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(
        output.contains("1 passed") && output.contains("not run: "),
        "{output}"
    );
}

#[tokio::test]
async fn a_full_disk_is_a_typed_error_and_keeps_what_is_there() {
    match child::config() {
        Some(config) => fill_the_disk(config).await,
        None => {
            on_a_small_disk("disk::a_full_disk_is_a_typed_error_and_keeps_what_is_there");
        }
    }
}

#[tokio::test]
async fn a_disk_that_is_full_to_the_last_page_still_expires_and_removes() {
    const THIS: &str = "disk::a_disk_that_is_full_to_the_last_page_still_expires_and_removes";
    match child::config() {
        Some(config) => fill_the_disk_to_the_last_page(config).await,
        None => on_a_small_disk(THIS),
    }
}

#[tokio::test]
async fn a_full_disk_does_not_cost_the_budget_its_content() {
    match child::config() {
        Some(config) => fill_the_disk_while_the_budget_is_held(config).await,
        None => on_a_small_disk("disk::a_full_disk_does_not_cost_the_budget_its_content"),
    }
}

#[tokio::test]
async fn a_read_only_disk_serves_what_it_has_and_heals() {
    match child::config() {
        Some(config) => make_the_disk_read_only(config).await,
        None => on_a_small_disk("disk::a_read_only_disk_serves_what_it_has_and_heals"),
    }
}

async fn open_too_many_files(config: Config) {
    let backend = FileBackend::new(config).unwrap();
    set(&backend, "k", b"v").await;
    let open = || File::open("/dev/null");
    let held: Vec<_> = std::iter::repeat_with(open).map_while(Result::ok).collect();
    let errors = [
        backend
            .get(&key("k"), Want::Value)
            .await
            .map(|_| ())
            .unwrap_err(),
        backend
            .set(&key("k"), Bytes::from("new"), LONG, None)
            .await
            .map(|_| ())
            .unwrap_err(),
        backend.expire(&key("k")).await.unwrap_err(),
    ];
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
    }
    with_ever_more_files(&backend, held).await;
    set(&backend, "k", b"newer").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "newer");
}

/// Whatever some calls have enough files for, and others not, in a process that used the directory
/// before and in one that begins.
async fn with_ever_more_files(used: &FileBackend, mut held: Vec<File>) {
    while held.pop().is_some() {
        let new = FileBackend::new(used.config().clone()).unwrap();
        for backend in [used, &new] {
            let large = Bytes::from(vec![b'x'; 200_000]);
            let written = [
                backend.set(&key("l"), large, LONG, None).await.map(drop),
                backend.expire(&key("l")).await,
                backend.remove(&key("l")).await,
            ];
            let got = backend.get(&key("k"), LEADING).await;
            if let Ok(lookup) = &got {
                assert_eq!(lookup.found.as_ref().unwrap().value, "v");
            }
            for error in written
                .into_iter()
                .chain([got.map(drop)])
                .filter_map(Result::err)
            {
                assert_eq!(error.kind(), ErrorKind::Overloaded, "{error:?}");
            }
        }
    }
}

#[tokio::test]
async fn too_many_open_files_is_a_typed_error_and_heals() {
    const THIS: &str = "disk::too_many_open_files_is_a_typed_error_and_heals";
    if let Some(config) = child::config() {
        return open_too_many_files(config).await;
    }
    let scratch = Scratch::new();
    let few = "ulimit -n 64\n\"$@\"";
    let mut run = child::by_script(Command::new("sh"), few, THIS, scratch.path());
    let run = run.output().unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && output.contains("1 passed"),
        "{output}"
    );
}
