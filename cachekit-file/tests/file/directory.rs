//! Whose the directory is, and what happens when it goes.

use std::fs::{Permissions, set_permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};

use bytes::Bytes;
use cachekit_core::backend::{Backend, NodeState, Want};
use cachekit_core::error::{Error, ErrorKind};
use cachekit_file::{Config, FileBackend};

use crate::scratch::{LONG, Scratch, key, set, value};

async fn refusals(backend: &FileBackend) -> Vec<Error> {
    vec![
        backend.get(&key("k"), Want::Value).await.unwrap_err(),
        backend
            .set(&key("k"), Bytes::from("v"), LONG, None)
            .await
            .unwrap_err(),
        backend.expire(&key("k")).await.unwrap_err(),
        backend.remove(&key("k")).await.unwrap_err(),
    ]
}

fn mode(path: &std::path::Path) -> u32 {
    path.metadata().unwrap().mode() & 0o7777
}

#[tokio::test]
async fn a_directory_is_made_at_first_use_for_its_owner_alone() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    assert!(
        !scratch.cache().exists(),
        "a configuration needs no directory"
    );
    set(&backend, "k", b"v").await;
    let file = scratch.file();
    assert_eq!(mode(&file), 0o600);
    for folder in file.ancestors().skip(1).take(3) {
        assert_eq!(mode(folder), 0o700, "{}", folder.display());
    }
}

#[tokio::test]
async fn permissions_can_let_others_read() {
    let scratch = Scratch::new();
    let config = Config {
        permissions: 0o644,
        dir_permissions: 0o755,
        ..scratch.config()
    };
    set(&FileBackend::new(config).unwrap(), "k", b"v").await;
    let umask = 0o777 & !mode_of_a_new_file(&scratch);
    assert_eq!(mode(&scratch.file()), 0o644 & !umask);
}

fn mode_of_a_new_file(scratch: &Scratch) -> u32 {
    let path = scratch.path().join("new");
    std::fs::create_dir(&path).unwrap();
    mode(&path)
}

#[tokio::test]
async fn a_directory_that_others_can_write_is_refused_until_they_cannot() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.cache()).unwrap();
    for writable in [0o770, 0o702, 0o1777] {
        set_permissions(scratch.cache(), Permissions::from_mode(writable)).unwrap();
        let backend = FileBackend::new(scratch.config()).unwrap();
        for error in refusals(&backend).await {
            assert_eq!(error.kind(), ErrorKind::Rejected);
            assert!(error.to_string().contains("others can write"), "{error}");
        }
        let health = backend.health().await;
        assert_eq!(health.state(), NodeState::Down);
        assert!(health.nodes[0].detail.contains("others can write"));
        set_permissions(scratch.cache(), Permissions::from_mode(0o755)).unwrap();
        set(&backend, "k", b"v").await;
        assert_eq!(backend.health().await.state(), NodeState::Up);
    }
}

#[tokio::test]
async fn a_directory_that_others_can_write_from_now_on_is_refused_from_now_on() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"v").await;
    set_permissions(scratch.cache(), Permissions::from_mode(0o777)).unwrap();
    let missing = backend.get(&key("missing"), Want::Value).await;
    assert_eq!(missing.unwrap_err().kind(), ErrorKind::Rejected);
    set_permissions(scratch.cache(), Permissions::from_mode(0o700)).unwrap();
    assert_eq!(value(&backend, "k").await.unwrap(), "v");
}

#[tokio::test]
async fn a_directory_of_another_user_is_refused() {
    let scratch = Scratch::new();
    std::fs::create_dir(scratch.cache()).unwrap();
    // Only root can give a directory away; everyone else has root's at hand.
    let given_away = chown(scratch.cache(), Some(1), None).is_ok();
    let directory = if given_away {
        scratch.cache()
    } else {
        "/usr".into()
    };
    let backend = FileBackend::new(Config {
        directory,
        ..scratch.config()
    })
    .unwrap();
    for error in refusals(&backend).await {
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.to_string().contains("belongs to user"), "{error}");
    }
}

#[tokio::test]
async fn a_directory_that_was_emptied_or_removed_is_made_again() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"v").await;
    std::fs::remove_dir_all(scratch.cache()).unwrap();
    assert_eq!(value(&backend, "k").await, None);
    set(&backend, "k", b"again").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "again");
    std::fs::remove_dir_all(scratch.cache().join("v1")).unwrap();
    assert_eq!(value(&backend, "k").await, None);
    set(&backend, "k", b"once more").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "once more");
}

#[tokio::test]
async fn a_directory_that_cannot_be_there_is_an_error_and_heals() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"v").await;
    std::fs::remove_dir_all(scratch.cache()).unwrap();
    std::fs::write(scratch.cache(), b"a file").unwrap();
    for error in refusals(&backend).await {
        let expected = [ErrorKind::Unavailable, ErrorKind::Rejected];
        assert!(expected.contains(&error.kind()), "never a miss: {error}");
    }
    assert_eq!(backend.health().await.state(), NodeState::Down);
    std::fs::remove_file(scratch.cache()).unwrap();
    assert_eq!(value(&backend, "k").await, None);
    set(&backend, "k", b"healed").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "healed");
}

#[tokio::test]
async fn an_error_shows_neither_key_nor_value() {
    let scratch = Scratch::new();
    std::fs::write(scratch.cache(), b"a file").unwrap();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let secret = Bytes::from("value-secret");
    let error = backend
        .set(&key("key-secret"), secret, LONG, None)
        .await
        .unwrap_err();
    assert!(!format!("{error} {error:?} {backend:?}").contains("secret"));
}
