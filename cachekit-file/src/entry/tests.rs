//! Bytes that are whole, damaged and mixed.

use super::*;

const TIMES: Times = Times {
    written: 1_000,
    expires: 61_000,
};
const KEY: &str = "app:profile:1b00:42";

fn file(key: &str, value: &[u8], times: Times) -> Vec<u8> {
    [head(key, value, times), value.to_vec()].concat()
}

fn stale(mut file: Vec<u8>) -> Vec<u8> {
    let Header::Entry(claim) = Header::read(&file) else {
        panic!("no entry")
    };
    file[16..20].copy_from_slice(&claim.stale_mark());
    file
}

/// Everything that a reader is told by a file.
#[derive(Debug, PartialEq, Eq)]
struct Told {
    key: Vec<u8>,
    value: Vec<u8>,
    times: Times,
    stale: bool,
}

fn read(file: &[u8]) -> Option<Told> {
    let Header::Entry(claim) = Header::read(file) else {
        return None;
    };
    let (key, value) = claim.split(file)?;
    Some(Told {
        key: key.to_vec(),
        value: value.to_vec(),
        times: claim.times,
        stale: claim.is_stale(),
    })
}

#[test]
fn an_entry_is_read_as_it_was_written() {
    for value in [&b""[..], b"v", &[0xff; 10_000]] {
        for key in ["", KEY] {
            let file = file(key, value, TIMES);
            let mut told = Told {
                key: key.as_bytes().to_vec(),
                value: value.to_vec(),
                times: TIMES,
                stale: false,
            };
            assert_eq!(read(&file).unwrap(), told);
            told.stale = true;
            let file = stale(file);
            assert_eq!(read(&file).unwrap(), told);
            assert_eq!(read(&stale(file)).unwrap(), told, "expired twice");
        }
    }
}

#[test]
fn every_change_of_one_byte_is_a_miss_or_makes_it_stale() {
    for value in [&b"a value"[..], b"", &[7; 300]] {
        let whole = file(KEY, value, TIMES);
        for at in 0..whole.len() {
            for flip in 1..=255 {
                let mut changed = whole.clone();
                changed[at] ^= flip;
                if let Some(told) = read(&changed) {
                    assert!((16..20).contains(&at), "only the mark may change, at {at}");
                    assert!(told.stale);
                    assert_eq!(told.value, value);
                }
            }
        }
    }
}

#[test]
fn no_change_of_one_byte_makes_a_stale_entry_fresh() {
    let whole = stale(file(KEY, b"a value", TIMES));
    for at in 0..whole.len() {
        for flip in 0..=255 {
            let mut changed = whole.clone();
            changed[at] ^= flip;
            assert!(read(&changed).is_none_or(|told| told.stale), "at {at}");
        }
    }
}

#[test]
fn every_truncation_and_every_tail_is_a_miss() {
    for whole in [
        file(KEY, b"a value", TIMES),
        file(KEY, &[0; 40], TIMES),
        file("k", &[1; 600], TIMES),
    ] {
        for length in 0..whole.len() {
            assert_eq!(read(&whole[..length]), None);
            let mut nulled = whole.clone();
            nulled[length..].fill(0);
            // Of a value that ends in zeros, those that were lost are there.
            assert!(nulled == whole || read(&nulled).is_none(), "from {length}");
        }
        for tail in [&b"x"[..], &[0], &[0; 4_096]] {
            assert_eq!(read(&[&whole[..], tail].concat()), None);
        }
    }
    assert_eq!(read(&[0; 4_096]), None);
}

/// Contents that follow each other in one file: other keys, values and lengths; the same
/// once again, later and at the same moment; each fresh and stale.
fn contents() -> Vec<Vec<u8>> {
    let later = Times {
        written: 1_001,
        expires: 61_001,
    };
    let mut contents = vec![
        file(KEY, b"a value", TIMES),
        file(KEY, b"a value", later),
        file(KEY, b"another", TIMES),
        file(KEY, b"a value that is longer", TIMES),
        file(KEY, b"", TIMES),
        file("app:profile:1b00:43", b"a value", TIMES),
        file("k", &[b'x'; 300], TIMES),
    ];
    let stale: Vec<_> = contents.iter().cloned().map(stale).collect();
    contents.extend(stale);
    contents
}

fn pairs() -> Vec<(Vec<u8>, Vec<u8>)> {
    let all = contents();
    let with_all = |one: &Vec<u8>| {
        all.iter()
            .map(|other| (one.clone(), other.clone()))
            .collect::<Vec<_>>()
    };
    all.iter().flat_map(with_all).collect()
}

#[test]
fn a_mixture_of_two_contents_is_one_of_them_or_a_miss() {
    for (old, new) in pairs() {
        let wholes = [read(&old).unwrap(), read(&new).unwrap()];
        for cut in 0..=old.len().max(new.len()) {
            let ((old_start, old_end), (new_start, new_end)) = (
                old.split_at(cut.min(old.len())),
                new.split_at(cut.min(new.len())),
            );
            for mixed in [[new_start, old_end].concat(), [old_start, new_end].concat()] {
                let Some(told) = read(&mixed) else { continue };
                // Of one content with two marks, a cut in the mark leaves neither of them.
                let torn_mark = told.stale && (17..20).contains(&cut);
                let same = |whole: &Told| torn_mark && whole.value == told.value;
                assert!(wholes.contains(&told) || wholes.iter().any(same));
            }
        }
    }
}

#[test]
fn the_mark_of_one_content_does_not_make_another_fresh() {
    for (mut old, new) in pairs() {
        old[16..20].copy_from_slice(&new[16..20]);
        let told = read(&old).unwrap();
        assert!(told.stale || told == read(&new).unwrap());
    }
}

#[test]
fn another_version_or_flag_is_foreign() {
    for at in 4..8 {
        let mut changed = file(KEY, b"v", TIMES);
        changed[at] ^= 2;
        assert_eq!(Header::read(&changed), Header::Foreign);
    }
}

#[test]
fn an_entry_from_the_future_is_over() {
    assert!(!TIMES.is_over(TIMES.written));
    assert!(!TIMES.is_over(TIMES.expires - 1));
    assert!(TIMES.is_over(TIMES.expires));
    assert!(!TIMES.is_over(TIMES.written - SKEW_MS));
    assert!(
        Times {
            written: 10_000,
            expires: 20_000
        }
        .is_over(8_999)
    );
}

/// What is on a disk already has to be found by the next release, or to be another version.
#[test]
fn an_entry_is_spelled_as_it_always_was() {
    let file = file("k", b"a value", TIMES);
    let hex: String = file.iter().map(|byte| format!("{byte:02x}")).collect();
    let expected = concat!(
        "434b4645",         // magic
        "01000000",         // version and flags
        "650e0fe39e6a7fcf", // checksum
        "650e0fe3",         // mark: fresh
        "01000000",         // length of the key
        "0700000000000000", // length of the value
        "e803000000000000", // written
        "48ee000000000000", // expires
        "6b",               // key
        "612076616c7565",   // value
    );
    assert_eq!(hex, expected);
}
