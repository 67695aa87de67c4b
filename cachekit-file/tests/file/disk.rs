//! A disk that is full, one that is read-only, and no more files to open: each in a process of its
//! own, the disks on file systems of its own. Where the system does not let a test have one, the
//! test says so.

use std::io::Write;
use std::process::Command;

use bytes::Bytes;
use cachekit_core::backend::{Backend, NodeState, Want};
use cachekit_core::error::ErrorKind;
use cachekit_file::{Config, FileBackend};

use crate::scratch::{LONG, Scratch, key, set, value};

/// Runs `body` of this binary with a file system of 256 KiB mounted at a directory of its own.
/// Its standard input names that directory.
fn on_a_small_disk(body: &str) {
    let scratch = Scratch::new();
    let mount = r#"mount -t tmpfs -o size=256k,mode=0700 none "$1" || exit 77
        echo "$1" | "$2" --exact "$3" --ignored --nocapture"#;
    let run = Command::new("unshare")
        .args(["--map-root-user", "--mount", "sh", "-c", mount, "sh"])
        .arg(scratch.path())
        .arg(std::env::current_exe().unwrap())
        .arg(body)
        .output();
    match run {
        Ok(run) if run.status.success() => {}
        Ok(run) if !String::from_utf8_lossy(&run.stdout).contains("running 1 test") => {
            not_run(&format!(
                "a mount of its own is not permitted here: {run:?}"
            ));
        }
        Ok(run) => panic!("{}", String::from_utf8_lossy(&run.stdout)),
        Err(error) => not_run(&format!("there is no unshare here: {error}")),
    }
}

/// Not by `println!`, of which nothing is heard from a test that passes.
fn not_run(reason: &str) {
    let line = format!("not run: a test with a disk of its own: {reason}\n");
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

fn mounted() -> Config {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    Config {
        directory: line.trim_end().into(),
        ..Config::default()
    }
}

fn remount(config: &Config, how: &str) {
    let options = format!("remount,{how}");
    let status = Command::new("mount")
        .args(["-o", &options])
        .arg(&config.directory)
        .status();
    assert!(status.unwrap().success());
}

#[tokio::test]
#[ignore = "the body of a process that has a small disk"]
async fn fill_the_disk() {
    let backend = FileBackend::new(mounted()).unwrap();
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

#[tokio::test]
#[ignore = "the body of a process that has a small disk"]
async fn make_the_disk_read_only() {
    let config = mounted();
    let backend = FileBackend::new(config.clone()).unwrap();
    set(&backend, "k", b"v").await;
    remount(&config, "ro");
    assert_eq!(value(&backend, "k").await.unwrap(), "v");
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

#[test]
fn a_full_disk_is_a_typed_error_and_keeps_what_is_there() {
    on_a_small_disk("disk::fill_the_disk");
}

#[test]
fn a_read_only_disk_serves_what_it_has_and_heals() {
    on_a_small_disk("disk::make_the_disk_read_only");
}

#[tokio::test]
#[ignore = "the body of a process that may open few files"]
async fn open_too_many_files() {
    let backend = FileBackend::new(mounted()).unwrap();
    set(&backend, "k", b"v").await;
    let open = || std::fs::File::open("/dev/null");
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
    drop(held);
    assert_eq!(value(&backend, "k").await.unwrap(), "v");
    set(&backend, "k", b"new").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "new");
}

#[test]
fn too_many_open_files_is_a_typed_error_and_heals() {
    let scratch = Scratch::new();
    let limit = r#"ulimit -n 64; echo "$1" | "$2" --exact "$3" --ignored --nocapture"#;
    let run = Command::new("sh")
        .args(["-c", limit, "sh"])
        .arg(scratch.path())
        .arg(std::env::current_exe().unwrap())
        .arg("disk::open_too_many_files")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && output.contains("1 passed"),
        "{output}"
    );
}
