//! A directory that holds more than its caps allow, because they were lowered.

use bytes::Bytes;
use cachekit_core::backend::Backend;
use cachekit_core::error::{ErrorKind, Result};
use cachekit_file::{Config, FileBackend};

use crate::scratch::{LONG, Scratch, key, set};

const MIB: u64 = 1024 * 1024;

/// As many files as would take long to write as entries.
fn plant(scratch: &Scratch, count: usize, content: &[u8]) {
    for number in 0..count {
        let name = blake3::hash(&number.to_le_bytes()).to_hex();
        let folder = scratch.cache().join(format!("v1/{}", &name[..2]));
        scratch.make(&folder);
        std::fs::write(folder.join(name.as_str()), content).unwrap();
    }
}

fn limited(scratch: &Scratch, max_entries: u64) -> FileBackend {
    let config = Config {
        max_entries,
        ..scratch.config()
    };
    FileBackend::new(config).unwrap()
}

async fn try_set(backend: &FileBackend, number: usize) -> Result<()> {
    let key = key(&format!("k{number}"));
    let set = backend.set(&key, Bytes::from("v"), LONG, None);
    set.await.map(|_| ())
}

#[tokio::test]
async fn each_write_evicts_a_part_of_what_is_too_much_until_the_cap_is_reached() {
    const MANY: usize = 4_000;
    let scratch = Scratch::new();
    plant(&scratch, MANY, b"");
    let backend = limited(&scratch, 100);
    let mut before = MANY;
    let mut writes = 0;
    while let Err(error) = try_set(&backend, writes).await {
        assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
        let now = scratch.files().len();
        let gone = before - now;
        assert!((1_000..1_200).contains(&gone), "{gone} of {before} went");
        before = now;
        writes += 1;
    }
    assert!(scratch.files().len() <= 100);
    assert_eq!(writes, 3);
}

#[tokio::test]
async fn a_write_gives_up_soon_where_much_may_not_be_evicted() {
    let scratch = Scratch::new();
    // Of another version.
    let foreign = [&b"CKFE\x02"[..], &[0; 100]].concat();
    plant(&scratch, 10_000, &foreign);
    let backend = limited(&scratch, 5_000);
    let error = try_set(&backend, 0).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Overloaded, "{error}");
    assert_eq!(scratch.files().len(), 10_000);
}

#[tokio::test]
async fn spares_that_were_small_under_the_old_cap_leave_room_under_the_new_one() {
    let scratch = Scratch::new();
    let large = FileBackend::new(scratch.config()).unwrap();
    for number in 0..100 {
        let name = format!("k{number}");
        set(&large, &name, &[b'x'; 100_000]).await;
        large.remove(&key(&name)).await.unwrap();
    }
    drop(large);
    let small = Config {
        max_size: MIB,
        max_value: MIB / 2,
        ..scratch.config()
    };
    let backend = FileBackend::new(small).unwrap();
    set(&backend, "new", &[b'x'; 400_000]).await;
}
