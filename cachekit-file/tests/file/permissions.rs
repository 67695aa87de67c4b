//! What the system does not permit, for a user who is not root: files, folders and the directory
//! without the permission to read, to write or to be entered. Where no other user can be had, the test says so.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use cachekit_core::backend::{Backend, NodeState, Want};
use cachekit_core::error::{Error, ErrorKind};
use cachekit_file::{Config, FileBackend};

use crate::child;
use crate::scratch::{LONG, Scratch, folder_of_directory, key, set, value};

/// Runs `test` as a child of a user whom permissions bind, in a directory of its own.
fn as_another_user(test: &str) {
    as_another_user_in(&Scratch::new(), test);
}

/// The same in the directory of `scratch`, which is given to that user without what is in it.
fn as_another_user_in(scratch: &Scratch, test: &str) {
    let become_nobody = r#"[ "$(id -u)" = 0 ] || exec "$@"
        chown 65534 "$CACHEKIT_TEST_DIRECTORY" || exit 77
        exec setpriv --reuid 65534 --clear-groups "$@""#;
    let run = child::by_script(Command::new("sh"), become_nobody, test, scratch.path());
    child::passes_if_it_runs(run, "another user");
}

fn mode(path: &Path, mode: u32) {
    set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

/// What cannot be done with an entry.
async fn refusals(backend: &FileBackend, text: &str) -> Vec<Error> {
    let key = key(text);
    let new = Bytes::from("new");
    let results = [
        backend.get(&key, Want::Value).await.map(drop),
        backend.set(&key, new, LONG, None).await.map(drop),
        backend.expire(&key).await,
        backend.remove(&key).await,
    ];
    results.into_iter().filter_map(Result::err).collect()
}

fn assert_not_permitted(errors: &[Error]) {
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.to_string().contains("not permitted"), "{error}");
    }
}

async fn take_permissions_away(config: Config) {
    let backend = FileBackend::new(config.clone()).unwrap();
    let layout = config.directory.join("v1");
    let folder = folder_of_directory(&config.directory, "k");
    for place in [&config.directory, &layout, &folder] {
        set(&backend, "k", b"old").await;

        mode(place, 0o000);
        let errors = refusals(&backend, "k").await;
        assert_eq!(errors.len(), 4, "never a miss: {}", place.display());
        assert_not_permitted(&errors);
        mode(place, 0o700);
        assert_eq!(value(&backend, "k").await.unwrap(), "old");

        mode(place, 0o500);
        assert_eq!(value(&backend, "k").await.unwrap(), "old");
        assert_not_permitted(&refusals(&backend, "k").await);
        mode(place, 0o700);
    }
    set(&backend, "k", b"healed").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "healed");
}

#[tokio::test]
async fn what_is_not_permitted_is_a_typed_error_and_heals() {
    const THIS: &str = "permissions::what_is_not_permitted_is_a_typed_error_and_heals";
    match child::config() {
        Some(config) => take_permissions_away(config).await,
        None => as_another_user(THIS),
    }
}

async fn make_it_read_only(config: Config) {
    let backend = FileBackend::new(config.clone()).unwrap();
    set(&backend, "k", b"v").await;
    assert_eq!(backend.health().await.state(), NodeState::Up);
    mode(&config.directory, 0o500);
    assert_eq!(backend.health().await.state(), NodeState::Degraded);
    assert_eq!(value(&backend, "k").await.unwrap(), "v");
    mode(&config.directory, 0o700);
    assert_eq!(backend.health().await.state(), NodeState::Up);
}

#[tokio::test]
async fn a_directory_that_may_not_be_written_is_degraded_and_serves() {
    const THIS: &str = "permissions::a_directory_that_may_not_be_written_is_degraded_and_serves";
    match child::config() {
        Some(config) => make_it_read_only(config).await,
        None => as_another_user(THIS),
    }
}

/// Every file of the directory may not be opened.
async fn lock_every_file(config: Config) {
    let backend = FileBackend::new(config.clone()).unwrap();
    set(&backend, "k", b"old").await;
    let folder = folder_of_directory(&config.directory, "k");
    let files = || {
        let files = std::fs::read_dir(&folder).unwrap();
        files.map(|file| file.unwrap().path())
    };
    files().for_each(|file| mode(&file, 0o000));
    let get = backend.get(&key("k"), Want::Value).await;
    assert_not_permitted(&[get.unwrap_err()]);
    assert_not_permitted(&refusals(&backend, "k").await);
    files().for_each(|file| mode(&file, 0o600));
    let found = value(&backend, "k").await;
    assert!(found.is_none_or(|found| found == "old" || found == "new"));
    set(&backend, "k", b"healed").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "healed");
}

#[tokio::test]
async fn files_that_may_not_be_opened_are_a_typed_error_and_heal() {
    const THIS: &str = "permissions::files_that_may_not_be_opened_are_a_typed_error_and_heal";
    match child::config() {
        Some(config) => lock_every_file(config).await,
        None => as_another_user(THIS),
    }
}

#[tokio::test]
async fn files_of_another_user_are_read_where_that_is_permitted() {
    const THIS: &str = "permissions::files_of_another_user_are_read_where_that_is_permitted";
    if let Some(config) = child::config() {
        let backend = FileBackend::new(config).unwrap();
        return assert_eq!(value(&backend, "k").await.unwrap(), "v");
    }
    let scratch = Scratch::new();
    let config = Config {
        directory: scratch.path().to_owned(),
        permissions: 0o644,
        dir_permissions: 0o755,
        ..Config::default()
    };
    set(&FileBackend::new(config).unwrap(), "k", b"v").await;
    as_another_user_in(&scratch, THIS);
}
