//! Something else in place of the files that the backend keeps for itself: links, pipes, folders,
//! rubbish. Nothing outside is touched, nothing waits, nothing wrong is found, and when it is gone
//! all is well.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{Backend, Lead};
use cachekit_core::error::{ErrorKind, Result};
use cachekit_file::{Config, FileBackend};

use crate::scratch::{LEADING, LONG, Scratch, folder_of, key, path_of, set, value};

/// What is put there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plant {
    Link,
    LinkToNothing,
    LinkToItself,
    HardLink,
    Pipe,
    Folder,
    FullFolder,
    Empty,
    Rubbish,
    Zeros,
    Ones,
    Large,
}

const PLANTS: [Plant; 12] = [
    Plant::Link,
    Plant::LinkToNothing,
    Plant::LinkToItself,
    Plant::HardLink,
    Plant::Pipe,
    Plant::Folder,
    Plant::FullFolder,
    Plant::Empty,
    Plant::Rubbish,
    Plant::Zeros,
    Plant::Ones,
    Plant::Large,
];

const PRECIOUS: &[u8] = b"precious, and nobody else's business";

impl Plant {
    /// Puts it at `place`, whatever was there.
    fn put(self, place: &Path, outside: &Path) {
        remove(place);
        match self {
            Self::Link => symlink(outside, place).unwrap(),
            Self::LinkToNothing => symlink(outside.with_extension("nothing"), place).unwrap(),
            Self::LinkToItself => symlink(place, place).unwrap(),
            Self::HardLink => std::fs::hard_link(outside, place).unwrap(),
            Self::Pipe => {
                let made = Command::new("mkfifo").arg(place).status().unwrap();
                assert!(made.success());
            }
            Self::Folder => std::fs::create_dir(place).unwrap(),
            Self::FullFolder => {
                std::fs::create_dir(place).unwrap();
                std::fs::write(place.join("file"), b"in the way").unwrap();
            }
            Self::Empty => std::fs::write(place, b"").unwrap(),
            Self::Rubbish => std::fs::write(place, b"rubbish".repeat(100)).unwrap(),
            Self::Zeros => std::fs::write(place, [0; 4_096]).unwrap(),
            Self::Ones => std::fs::write(place, [0xff; 4_096]).unwrap(),
            Self::Large => {
                let file = std::fs::File::create(place).unwrap();
                // Four gibibytes of nothing.
                file.set_len(1 << 32).unwrap();
            }
        }
    }
}

fn remove(place: &Path) {
    if std::fs::symlink_metadata(place).is_ok_and(|metadata| metadata.is_dir()) {
        std::fs::remove_dir_all(place).unwrap();
    } else {
        let _ = std::fs::remove_file(place);
    }
}

/// Does everything that can be done with a key, and may fail for a reason that is told, but not
/// find what was never set.
async fn do_everything(backend: &FileBackend) -> Result<()> {
    let key = key("k");
    let mut results = Vec::new();
    for round in 0..3 {
        let lookup = backend.get(&key, LEADING).await;
        if let Ok(lookup) = &lookup {
            let found = lookup.found.as_ref();
            let values: [&[u8]; 2] = [b"old", b"new"];
            assert!(found.is_none_or(|found| values.contains(&&found.value[..])));
            if let Lead::Mine(token) = &lookup.lead {
                results.push(backend.release(&key, token).await);
            }
        }
        results.push(lookup.map(drop));
        let new = Bytes::from("new");
        results.push(backend.set(&key, new, LONG, None).await.map(drop));
        results.push(backend.expire(&key).await);
        if round == 1 {
            results.push(backend.remove(&key).await);
        }
    }
    results.into_iter().collect()
}

/// Runs it with a deadline, for a pipe that somebody waits at is waited at for ever.
fn in_time<T: Send + 'static>(work: impl Future<Output = T> + Send + 'static) -> T {
    let (send, receive) = mpsc::channel();
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let _ = send.send(runtime.unwrap().block_on(work));
    });
    match receive.recv_timeout(Duration::from_secs(60)) {
        Ok(done) => done,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("not done in time"),
        Err(mpsc::RecvTimeoutError::Disconnected) => {
            std::panic::resume_unwind(thread.join().unwrap_err())
        }
    }
}

/// Plants each thing at `place`, in a directory that is in use (or not, yet).
fn plant(place: fn(&Scratch) -> PathBuf) {
    for plant in PLANTS {
        for in_use in [false, true] {
            in_time(async move {
                let scratch = Scratch::new();
                let config = scratch.config();
                let used = FileBackend::new(config.clone()).unwrap();
                set(&used, "k", b"old").await;
                set(&used, "l", b"other").await;
                let outside = scratch.path().join("outside");
                std::fs::write(&outside, PRECIOUS).unwrap();
                let place = place(&scratch);
                plant.put(&place, &outside);
                let backend = if in_use {
                    used
                } else {
                    FileBackend::new(config.clone()).unwrap()
                };
                assert_eq!(value(&backend, "k").await.unwrap(), "old", "{plant:?}");
                look(&backend, &config, plant).await;
                let is_outside = plant != Plant::HardLink || place.ends_with(".spare");
                // Another name of a file that is written is written with it.
                assert!(
                    !is_outside || std::fs::read(&outside).unwrap() == PRECIOUS,
                    "{plant:?}"
                );
                remove(&place);
                let healed = do_everything(&backend).await;
                healed.unwrap_or_else(|error| panic!("not healed from {plant:?}: {error:?}"));
            });
        }
    }
}

async fn look(backend: &FileBackend, config: &Config, plant: Plant) {
    if let Err(error) = do_everything(backend).await {
        let told = [ErrorKind::Unavailable, ErrorKind::Rejected];
        assert!(told.contains(&error.kind()), "{plant:?}: {error:?}");
    }
    let other = value(backend, "l").await;
    assert_eq!(other.expect("not in the way"), "other", "{plant:?}");
    // For another process, all is the same.
    let _ = do_everything(&FileBackend::new(config.clone()).unwrap()).await;
}

#[test]
fn anything_in_place_of_a_folders_lock() {
    plant(|scratch| folder_of(scratch, "k").join(".folder"));
}

#[test]
fn anything_in_place_of_a_spare() {
    plant(|scratch| folder_of(scratch, "k").join(".spare"));
}

#[test]
fn anything_in_place_of_the_budget() {
    plant(|scratch| scratch.cache().join("v1/budget"));
}

#[test]
fn anything_in_place_of_the_collectors_lock() {
    plant(|scratch| scratch.cache().join("v1/collector"));
}

#[test]
fn anything_in_place_of_the_owners() {
    plant(|scratch| scratch.cache().join("v1/owners"));
}

#[test]
fn anything_in_place_of_an_entry() {
    plant_entry();
}

/// An entry is not itself while something else is in its place.
fn plant_entry() {
    for plant in PLANTS {
        in_time(async move {
            let scratch = Scratch::new();
            let backend = FileBackend::new(scratch.config()).unwrap();
            set(&backend, "k", b"old").await;
            let outside = scratch.path().join("outside");
            std::fs::write(&outside, PRECIOUS).unwrap();
            let place = path_of(&scratch, "k");
            plant.put(&place, &outside);
            assert_eq!(value(&backend, "k").await, None, "{plant:?}");
            look_at_one(&backend, plant).await;
            assert_eq!(std::fs::read(&outside).unwrap(), PRECIOUS, "{plant:?}");
        });
    }
}

async fn look_at_one(backend: &FileBackend, plant: Plant) {
    let done = do_everything(backend).await;
    // Only a folder is not replaced.
    let may_fail = matches!(plant, Plant::Folder | Plant::FullFolder);
    assert!(may_fail || done.is_ok(), "{plant:?}: {done:?}");
}
