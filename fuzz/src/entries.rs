//! Stored entries, as a store may give them back.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::envelope::{self, HEADER_LEN, Header, MAX_PAYLOAD};
use cachekit_core::key::StoreKey;
use xxhash_rust::xxh3::xxh3_64;

const CODEC: u8 = 1;
const TAG_LEN: usize = 16;

/// `input` as a stored entry, and as one that is right but for its flags, its tags and its payload.
///
/// # Panics
/// When what can be opened does not come back after it was sealed again.
pub fn entry(input: &[u8]) {
    let key = StoreKey::new("key").expect("it is printable");
    let _ = envelope::open(Bytes::copy_from_slice(input), CODEC, &key);
    let [flags, tags, rest @ ..] = input else {
        return;
    };
    let entry = forged(*flags, *tags, rest, &key);
    let Ok(opened) = envelope::open(entry.into(), CODEC, &key) else {
        return;
    };
    assert!(opened.payload.len() <= MAX_PAYLOAD);
    let mut buffer = envelope::begin();
    buffer.extend_from_slice(&opened.payload);
    let sealed = envelope::seal(buffer, &opened.header, &opened.tags, &key);
    let again = envelope::open(sealed, CODEC, &key).expect("it was sealed just now");
    assert_eq!(again.header, opened.header);
    assert_eq!(again.tags, opened.tags);
    assert_eq!(again.payload, opened.payload);
}

/// An entry with the checksum that one has who means ill.
fn forged(flags: u8, tags: u8, rest: &[u8], key: &StoreKey) -> Vec<u8> {
    let header = Header {
        codec: CODEC,
        computed_at_ms: 0,
        ttl: Duration::ZERO,
        grace: Duration::ZERO,
        cost: Duration::ZERO,
        absent: false,
        uncacheable: false,
        no_grace: false,
    };
    let mut entry = envelope::seal(envelope::begin(), &header, &[], key).to_vec();
    let payload = rest.len().saturating_sub(TAG_LEN * usize::from(tags));
    let payload = u32::try_from(payload).unwrap_or(u32::MAX);
    entry[4] = flags;
    entry[5] = tags;
    entry[28..32].copy_from_slice(&payload.to_le_bytes());
    entry.extend_from_slice(rest);
    entry[40..HEADER_LEN].fill(0);
    let checksum = xxh3_64(&entry);
    entry[40..HEADER_LEN].copy_from_slice(&checksum.to_le_bytes());
    entry
}
