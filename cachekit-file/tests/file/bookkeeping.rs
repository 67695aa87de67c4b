//! What the backend keeps to itself about a directory, damaged: the entries are served as if
//! nothing had happened, and the caps hold as soon as somebody writes.

use std::path::{Path, PathBuf};

use cachekit_file::{Config, FileBackend};

use crate::chance::Chance;
use crate::files::{entries, every_file, overwrite};
use crate::scratch::{Scratch, set, value};

const ENTRIES: u64 = 150;

/// A directory that is as full as it may be.
struct Full {
    scratch: Scratch,
    config: Config,
}

impl Full {
    async fn new() -> Self {
        let scratch = Scratch::new();
        let config = Config {
            max_entries: ENTRIES,
            ..scratch.config()
        };
        let full = Self { scratch, config };
        full.write("first", ENTRIES).await;
        full
    }

    /// Writes as a process that comes and goes.
    async fn write(&self, name: &str, count: u64) {
        let backend = FileBackend::new(self.config.clone()).unwrap();
        for number in 0..count {
            set(&backend, &format!("{name}:{number}"), b"v").await;
            if number % 40 == 0 {
                assert!(entries(&self.scratch) <= ENTRIES);
            }
        }
    }

    /// The files that say how much there is.
    fn books(&self) -> Vec<PathBuf> {
        let mut files = every_file(&self.scratch);
        files.retain(|file| file.ends_with(".folder") || file.ends_with("budget"));
        files
    }

    /// Damages the books, reads what there is, and writes.
    async fn after(&self, what: &str, damage: impl Fn(&Path, Vec<u8>)) {
        for book in self.books() {
            let bytes = std::fs::read(&book).unwrap();
            damage(&book, bytes);
        }
        let before = entries(&self.scratch);
        assert!(before >= ENTRIES * 4 / 5, "{before} entries before: {what}");
        self.write(what, ENTRIES * 2).await;
        let backend = FileBackend::new(self.config.clone()).unwrap();
        let last = format!("{what}:{}", ENTRIES * 2 - 1);
        assert_eq!(value(&backend, &last).await.unwrap(), "v");
        let kept = entries(&self.scratch);
        assert!(kept >= ENTRIES * 4 / 5, "{kept} entries after: {what}");
    }
}

#[tokio::test]
async fn books_that_are_damaged_are_made_again() {
    let full = Full::new().await;
    full.after("removed", |book, _| std::fs::remove_file(book).unwrap())
        .await;
    full.after("empty", |book, _| overwrite(book, b"")).await;
    for fill in [0, 0x7f, 0xff] {
        full.after(&format!("filled-{fill}"), |book, bytes| {
            overwrite(book, &vec![fill; bytes.len()]);
        })
        .await;
    }
    for cut in [1, 32, 63, 64] {
        full.after(&format!("cut-{cut}"), |book, mut bytes| {
            bytes.truncate(cut);
            overwrite(book, &bytes);
        })
        .await;
    }
}

#[tokio::test]
async fn a_changed_byte_in_the_books_is_noticed() {
    let full = Full::new().await;
    let mut chance = Chance::new(1);
    for round in 0..8 {
        let at = usize::try_from(chance.below(64)).unwrap();
        let flip = 1 << chance.below(8);
        full.after(&format!("changed-{round}"), |book, mut bytes| {
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= flip;
            }
            overwrite(book, &bytes);
        })
        .await;
    }
}

/// Books of another time: everything in them is right, but for another moment.
#[tokio::test]
async fn books_that_are_out_of_date_are_corrected_while_others_write() {
    let full = Full::new().await;
    let books: Vec<_> = full
        .books()
        .into_iter()
        .map(|book| (book.clone(), std::fs::read(book).unwrap()))
        .collect();
    for round in 0..2 {
        full.write(&format!("then-{round}"), ENTRIES).await;
        for (book, bytes) in &books {
            overwrite(book, bytes);
        }
        // Once round for the correction, and then it must be right.
        let backend = FileBackend::new(full.config.clone()).unwrap();
        for number in 0..ENTRIES * 2 {
            set(&backend, &format!("round-{round}:{number}"), b"v").await;
        }
        drop(backend);
        full.write(&format!("now-{round}"), ENTRIES).await;
        let kept = entries(&full.scratch);
        assert!(kept >= ENTRIES * 4 / 5, "{kept} entries");
    }
}
