//! Files that are used again.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use cachekit_core::backend::{Backend, Want};
use cachekit_file::{Config, FileBackend, SyncMode};

use crate::scratch::{Scratch, key, set, value};

fn inode(path: &Path) -> u64 {
    std::fs::symlink_metadata(path).unwrap().ino()
}

async fn stored(scratch: &Scratch) -> (FileBackend, PathBuf, PathBuf) {
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"first").await;
    let file = scratch.file();
    let spare = file.with_file_name(".spare");
    (backend, file, spare)
}

#[tokio::test]
async fn overwriting_takes_two_files_in_turn() {
    let scratch = Scratch::new();
    let (backend, file, spare) = stored(&scratch).await;
    let first = inode(&file);
    assert!(!spare.exists());
    set(&backend, "k", b"second, and longer").await;
    let second = inode(&file);
    assert_eq!(inode(&spare), first);
    for round in 0..5_usize {
        set(&backend, "k", &vec![b'x'; 10_000 * round]).await;
        assert_eq!(value(&backend, "k").await.unwrap().len(), 10_000 * round);
        let expected = if round % 2 == 0 { first } else { second };
        assert_eq!(inode(&file), expected);
    }
}

#[tokio::test]
async fn the_file_of_a_removed_entry_is_the_next_ones() {
    let scratch = Scratch::new();
    let (backend, file, spare) = stored(&scratch).await;
    let first = inode(&file);
    backend.remove(&key("k")).await.unwrap();
    assert_eq!(inode(&spare), first);
    assert_eq!(value(&backend, "k").await, None);
    set(&backend, "k", b"again").await;
    assert_eq!(inode(&file), first);
    assert!(!spare.exists());
}

#[tokio::test]
async fn a_spare_is_no_entry_whatever_name_it_gets() {
    let scratch = Scratch::new();
    let (backend, file, spare) = stored(&scratch).await;
    set(&backend, "k", b"second").await;
    std::fs::rename(&spare, &file).unwrap();
    assert_eq!(value(&backend, "k").await, None);

    std::fs::remove_file(&file).unwrap();
    set(&backend, "k", b"third").await;
    backend.remove(&key("k")).await.unwrap();
    std::fs::rename(&spare, &file).unwrap();
    assert_eq!(value(&backend, "k").await, None);
}

#[tokio::test]
async fn what_is_large_or_synced_leaves_no_spare() {
    let large = vec![b'x'; 200_000];
    let synced = [SyncMode::Data, SyncMode::Full].map(|sync| (sync, &b"small"[..]));
    for (sync, content) in [(SyncMode::None, &large[..])].into_iter().chain(synced) {
        let scratch = Scratch::new();
        let config = Config {
            sync,
            ..scratch.config()
        };
        let backend = FileBackend::new(config).unwrap();
        for _ in 0..3 {
            set(&backend, "k", content).await;
            assert_eq!(value(&backend, "k").await.unwrap(), content);
            assert!(!scratch.file().with_file_name(".spare").exists());
        }
        backend.remove(&key("k")).await.unwrap();
        assert!(scratch.files().is_empty());
    }
}

#[tokio::test]
async fn a_large_entry_gives_its_disk_back_to_a_small_one() {
    let scratch = Scratch::new();
    let (backend, file, spare) = stored(&scratch).await;
    set(&backend, "k", &[b'x'; 1 << 20]).await;
    set(&backend, "k", b"small").await;
    assert!(file.metadata().unwrap().blocks() * 512 < 10_000);
    assert!(!spare.exists() || spare.metadata().unwrap().blocks() * 512 < 10_000);
}

#[tokio::test]
async fn a_file_that_somebody_linked_or_opened_up_is_not_written_to() {
    let scratch = Scratch::new();
    let (backend, file, spare) = stored(&scratch).await;
    let backup = scratch.path().join("backup");
    std::fs::hard_link(&file, &backup).unwrap();
    let content = std::fs::read(&backup).unwrap();
    for round in 0..3 {
        set(&backend, "k", format!("round {round}").as_bytes()).await;
        assert_eq!(std::fs::read(&backup).unwrap(), content);
    }
    std::fs::hard_link(&spare, scratch.path().join("spare")).unwrap();
    let opened = inode(&spare);
    set(&backend, "k", b"v").await;
    assert_ne!(inode(&file), opened);

    set(&backend, "k", b"v").await;
    std::fs::set_permissions(&spare, PermissionsExt::from_mode(0o644)).unwrap();
    let opened_up = std::fs::File::open(&spare).unwrap();
    set(&backend, "k", b"secret").await;
    assert_eq!(opened_up.metadata().unwrap().nlink(), 0, "not used");
    assert_eq!(file.metadata().unwrap().mode() & 0o777, 0o600);
}

#[tokio::test]
async fn a_symbolic_link_or_a_pipe_in_the_place_of_the_spare_is_not_written_to() {
    let scratch = Scratch::new();
    let (backend, file, spare) = stored(&scratch).await;
    let target = scratch.path().join("target");
    std::fs::write(&target, "untouched").unwrap();
    symlink(&target, &spare).unwrap();
    set(&backend, "k", b"second").await;
    assert_eq!(std::fs::read(&target).unwrap(), b"untouched");
    assert!(file.symlink_metadata().unwrap().is_file());

    std::fs::remove_file(&spare).unwrap();
    let mut mkfifo = std::process::Command::new("mkfifo");
    assert!(mkfifo.arg(&spare).status().unwrap().success());
    set(&backend, "k", b"third").await;
    assert_eq!(value(&backend, "k").await.unwrap(), "third");
}

/// What the head of a folder says that is at `path`: bytes of disk, entries.
fn counted(path: &Path) -> (u64, u64) {
    let head = std::fs::read(path.join(".folder")).unwrap();
    let number = |at: usize| u64::from_le_bytes(*head[at..].first_chunk().unwrap());
    (number(8), number(16))
}

#[tokio::test]
async fn a_folder_knows_what_its_files_occupy_whatever_was_done() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let lengths = [0, 10, 4_000, 4_090, 5_000, 60_000, 130_000, 300_000];
    for step in 0..400_usize {
        // Few keys, so that each meets every length and every spare.
        let text = format!("k{}", step * 7 % 5);
        match step % 6 {
            0 => backend.remove(&key(&text)).await.unwrap(),
            1 => backend.expire(&key(&text)).await.unwrap(),
            _ => set(&backend, &text, &vec![b'x'; lengths[step * 11 % 8]]).await,
        }
    }
    let folders = std::fs::read_dir(scratch.cache().join("v1")).unwrap();
    for folder in folders.map(|folder| folder.unwrap().path()) {
        if !folder.join(".folder").exists() {
            continue;
        }
        let (mut bytes, mut entries) = (0, 0);
        for file in std::fs::read_dir(&folder).unwrap() {
            let file = file.unwrap();
            let entry = file.file_name().len() == 64;
            if entry || file.file_name() == ".spare" {
                let metadata = file.metadata().unwrap();
                bytes += (metadata.blocks() * 512).max(metadata.len());
                entries += u64::from(entry);
            }
        }
        assert_eq!(counted(&folder), (bytes, entries), "{folder:?}");
    }
}

#[tokio::test]
async fn an_expiry_is_of_the_content_and_not_of_the_file() {
    let scratch = Scratch::new();
    let (backend, ..) = stored(&scratch).await;
    for _ in 0..4 {
        backend.expire(&key("k")).await.unwrap();
        set(&backend, "k", b"first").await;
        let found = backend.get(&key("k"), Want::Value).await.unwrap().found;
        assert!(!found.unwrap().stale);
    }
}
