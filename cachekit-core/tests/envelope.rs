//! Entries that were changed on their way are seen to be.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::codec::{Bincode, Codec};
use cachekit_core::envelope::{self, Defect, HEADER_LEN, Header};
use cachekit_core::key::StoreKey;
use proptest::prelude::*;

fn key() -> StoreKey {
    StoreKey::new("app:profile:1b00:k42").unwrap()
}

fn header() -> Header {
    Header {
        codec: Bincode::ID,
        computed_at_ms: 1_700_000_000_000,
        fresh_until_ms: 1_700_000_060_000,
        cost: Duration::from_micros(1_234),
    }
}

fn sealed(payload: &[u8]) -> Bytes {
    let mut buffer = envelope::begin();
    buffer.extend_from_slice(payload);
    envelope::seal(buffer, &header(), &key())
}

fn open(bytes: impl Into<Bytes>) -> Result<envelope::Envelope, Defect> {
    envelope::open(bytes.into(), Bincode::ID, &key())
}

#[test]
fn what_was_sealed_opens() {
    let bytes = sealed(b"payload");
    assert_eq!(bytes.len(), HEADER_LEN + 7);
    let opened = open(bytes).unwrap();
    assert_eq!(opened.header, header());
    assert_eq!(opened.payload, "payload");
    assert!(open(sealed(b"")).unwrap().payload.is_empty());
}

#[test]
fn the_payload_is_not_copied() {
    let bytes = sealed(b"payload");
    let opened = open(bytes.clone()).unwrap();
    assert_eq!(opened.payload.as_ptr(), bytes[HEADER_LEN..].as_ptr());
}

#[test]
fn the_layout_is_that_of_version_one() {
    let bytes = sealed(b"payload");
    assert_eq!(bytes[..8], [0xCA, 0xCE, 1, 1, 0, 0, 0, 0]);
    assert_eq!(bytes[8..16], 1_700_000_000_000_u64.to_le_bytes());
    assert_eq!(bytes[16..24], 1_700_000_060_000_u64.to_le_bytes());
    assert_eq!(bytes[24..28], 1_234_u32.to_le_bytes());
    assert_eq!(bytes[28..32], 7_u32.to_le_bytes());
    let hash = blake3::hash(key().as_str().as_bytes());
    assert_eq!(bytes[32..40], hash.as_bytes()[..8]);
    let mut zeroed = bytes.to_vec();
    zeroed[40..48].fill(0);
    assert_eq!(
        bytes[40..48],
        xxhash_rust::xxh3::xxh3_64(&zeroed).to_le_bytes()
    );
}

#[test]
fn every_changed_byte_is_seen() {
    let bytes = sealed(b"some payload");
    for at in 0..bytes.len() {
        for flip in 1..=u8::MAX {
            let mut changed = bytes.to_vec();
            changed[at] ^= flip;
            let defect = open(changed).expect_err("a defect");
            let unknown = (2..3).contains(&at) || (4..8).contains(&at);
            assert_eq!(defect.leave_alone(), unknown, "byte {at}: {defect:?}");
        }
    }
}

#[test]
fn every_truncation_and_every_tail_is_seen() {
    let bytes = sealed(b"some payload");
    for len in 0..bytes.len() {
        let defect = open(bytes.slice(..len)).expect_err("a defect");
        let expected = if len < HEADER_LEN {
            Defect::Truncated
        } else {
            Defect::Length
        };
        assert_eq!(defect, expected, "{len} bytes");
    }
    let mut longer = bytes.to_vec();
    longer.push(0);
    assert_eq!(open(longer).unwrap_err(), Defect::Length);
}

#[test]
fn another_key_and_another_codec_are_told_apart() {
    let bytes = sealed(b"payload");
    let other = StoreKey::new("app:profile:1b00:k43").unwrap();
    let opened = envelope::open(bytes.clone(), Bincode::ID, &other);
    assert_eq!(opened.unwrap_err(), Defect::OtherKey);
    assert_eq!(
        envelope::open(bytes, 2, &key()).unwrap_err(),
        Defect::OtherCodec
    );
}

#[test]
fn what_others_wrote_is_told_apart() {
    assert_eq!(
        open(&b"plain text of another application, longer than a header"[..]).unwrap_err(),
        Defect::NotOurs
    );
    // A later version may have a shorter header.
    assert_eq!(
        open(&[0xCA, 0xCE, 2][..]).unwrap_err(),
        Defect::UnknownVersion
    );
    assert!(Defect::UnknownVersion.leave_alone());
    assert!(!Defect::Checksum.leave_alone());
}

#[test]
fn a_cost_beyond_its_field_is_the_largest() {
    let long = Header {
        cost: Duration::from_secs(1_000_000),
        ..header()
    };
    let bytes = envelope::seal(envelope::begin(), &long, &key());
    assert_eq!(
        open(bytes).unwrap().header.cost,
        Duration::from_micros(u32::MAX.into())
    );
}

proptest! {
    #[test]
    fn any_header_and_payload_come_back(
        payload: Vec<u8>,
        codec: u8,
        computed_at_ms: u64,
        fresh_until_ms: u64,
        cost: u32,
        text in "[!-~]{1,300}",
    ) {
        let cost = Duration::from_micros(cost.into());
        let header = Header { codec, computed_at_ms, fresh_until_ms, cost };
        let key = StoreKey::new(text).unwrap();
        let mut buffer = envelope::begin();
        buffer.extend_from_slice(&payload);
        let opened = envelope::open(envelope::seal(buffer, &header, &key), codec, &key).unwrap();
        prop_assert_eq!(opened.header, header);
        prop_assert_eq!(opened.payload, payload);
    }

    #[test]
    fn bytes_of_any_kind_do_not_panic(bytes: Vec<u8>, ours: bool) {
        let mut bytes = bytes;
        if ours {
            bytes.splice(0..0, [0xCA, 0xCE, 1, 1]);
        }
        prop_assert!(open(bytes).is_err());
    }
}
