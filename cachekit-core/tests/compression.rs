//! Large payloads are stored in fewer bytes, and come back as they were.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::codec::{Bincode, Codec};
use cachekit_core::envelope::{
    self, Defect, Envelope, HEADER_LEN, Header, MAX_PAYLOAD, TagVersion,
};
use cachekit_core::key::StoreKey;
use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

const FLAGS: usize = 4;
const COMPRESSED: u8 = 1;
const TAGS: [TagVersion; 1] = [TagVersion { name: 1, token: 2 }];
/// Where the payload begins, behind one tag.
const PAYLOAD: usize = HEADER_LEN + 16;

fn key() -> StoreKey {
    StoreKey::new("app:profile:2b00:k42").unwrap()
}

fn sealed(payload: &[u8]) -> Bytes {
    let header = Header {
        codec: Bincode::ID,
        computed_at_ms: 1_700_000_000_000,
        ttl: Duration::from_secs(60),
        grace: Duration::from_secs(600),
        cost: Duration::ZERO,
        absent: false,
        uncacheable: false,
        no_grace: false,
    };
    let mut buffer = envelope::begin();
    buffer.extend_from_slice(payload);
    envelope::seal(buffer, &header, &TAGS, &key())
}

fn open(bytes: impl Into<Bytes>) -> Result<Envelope, Defect> {
    envelope::open(bytes.into(), Bincode::ID, &key())
}

/// An entry whose compressed payload is `stored`, in all else as it should be.
fn forged(stored: &[u8]) -> Vec<u8> {
    let mut entry = sealed(b"").to_vec();
    entry[FLAGS] |= COMPRESSED;
    entry.extend_from_slice(stored);
    entry[28..32].copy_from_slice(&u32::try_from(stored.len()).unwrap().to_le_bytes());
    entry[40..48].fill(0);
    let checksum = xxh3_64(&entry);
    entry[40..48].copy_from_slice(&checksum.to_le_bytes());
    entry
}

/// Bytes in which nothing repeats.
fn noise(len: usize) -> Vec<u8> {
    let blocks = (0_u64..).flat_map(|block| *blake3::hash(&block.to_le_bytes()).as_bytes());
    blocks.take(len).collect()
}

fn is_compressed(entry: &[u8]) -> bool {
    entry[FLAGS] & COMPRESSED != 0
}

#[test]
fn a_payload_that_repeats_itself_takes_few_bytes_and_comes_back() {
    let payload = b"some text, over and over. ".repeat(1_000);
    let entry = sealed(&payload);
    assert!(is_compressed(&entry));
    assert!(entry.len() < 300, "{} bytes", entry.len());
    let opened = open(entry).unwrap();
    assert_eq!(opened.payload, payload);
    assert_eq!(opened.tags, TAGS);
}

#[test]
fn a_payload_below_a_kibibyte_is_left_as_it_is() {
    assert!(!is_compressed(&sealed(&[0; 1_023])));
    assert!(is_compressed(&sealed(&[0; 1_024])));
}

#[test]
fn a_payload_that_gets_less_than_a_tenth_smaller_is_left_as_it_is() {
    let some_zeros = |zeros| [noise(10_000 - zeros), vec![0; zeros]].concat();
    for zeros in [0, 900] {
        let entry = sealed(&some_zeros(zeros));
        assert!(!is_compressed(&entry), "{zeros} zeros");
        assert_eq!(entry.len(), PAYLOAD + 10_000);
    }
    let entry = sealed(&some_zeros(1_200));
    assert!(is_compressed(&entry));
    assert!(entry.len() <= PAYLOAD + 9_000);
    assert_eq!(open(entry).unwrap().payload, some_zeros(1_200));
}

#[test]
fn the_largest_payload_comes_back() {
    let payload = vec![7; MAX_PAYLOAD];
    let entry = sealed(&payload);
    assert!(is_compressed(&entry));
    assert!(open(entry).unwrap().payload == payload);
}

#[test]
fn every_changed_byte_and_every_truncation_of_a_compressed_entry_is_seen() {
    let entry = sealed(&b"payload ".repeat(200));
    assert!(is_compressed(&entry));
    for at in 3..entry.len() {
        for flip in 1..=u8::MAX {
            let mut changed = entry.to_vec();
            changed[at] ^= flip;
            assert_eq!(open(changed).unwrap_err(), Defect::Checksum, "byte {at}");
        }
    }
    for len in HEADER_LEN..entry.len() {
        let opened = open(entry.slice(..len));
        assert_eq!(opened.unwrap_err(), Defect::Checksum, "{len} bytes");
    }
}

#[test]
fn every_truncation_of_a_compressed_payload_with_a_checksum_of_its_own_is_seen() {
    let entry = sealed(&b"payload ".repeat(200));
    for len in PAYLOAD..entry.len() {
        let opened = open(forged(&entry[PAYLOAD..len]));
        assert_eq!(opened.unwrap_err(), Defect::Compression, "{len} bytes");
    }
}

#[test]
fn a_length_that_the_bytes_cannot_have_is_refused() {
    let entry = sealed(&b"payload ".repeat(200));
    let block = &entry[PAYLOAD + 4..];
    let lengths = [
        0,
        1,
        1_599,
        1_601,
        1 << 20,
        MAX_PAYLOAD + 1,
        u32::MAX as usize,
    ];
    for hostile in lengths.map(|length| u32::try_from(length).unwrap()) {
        let stored = [&hostile.to_le_bytes(), block].concat();
        let opened = open(forged(&stored));
        assert_eq!(opened.unwrap_err(), Defect::Compression, "{hostile}");
    }
}

proptest! {
    #[test]
    fn payloads_of_any_kind_come_back(parts in proptest::collection::vec(
        (proptest::collection::vec(any::<u8>(), 0..200), 0..50_usize), 0..20,
    )) {
        let repeated = parts.iter().map(|(part, times)| part.repeat(*times));
        let payload = repeated.collect::<Vec<_>>().concat();
        prop_assert_eq!(open(sealed(&payload)).unwrap().payload, payload);
    }

    #[test]
    fn compressed_bytes_of_any_kind_do_not_panic(length in 0..10_000_u32, block: Vec<u8>) {
        let stored = [&length.to_le_bytes()[..], &block].concat();
        if let Ok(opened) = open(forged(&stored)) {
            prop_assert_eq!(opened.payload.len(), length as usize);
        }
    }

    #[test]
    fn a_changed_block_is_seen_or_has_the_length_it_says(at: prop::sample::Index, flip in 1..=u8::MAX) {
        let entry = sealed(&b"payload, and another ".repeat(100));
        let mut stored = entry[PAYLOAD..].to_vec();
        let at = at.index(stored.len());
        stored[at] ^= flip;
        if let Ok(opened) = open(forged(&stored)) {
            prop_assert_eq!(opened.payload.len(), 2_100);
        }
    }
}
