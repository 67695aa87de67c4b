//! Entries that were changed on their way are seen to be.

use std::time::Duration;

use bytes::Bytes;
use cachekit_core::codec::{Bincode, Codec};
use cachekit_core::envelope::{self, Defect, Envelope, HEADER_LEN, Header, TagVersion};
use cachekit_core::key::StoreKey;
use proptest::prelude::*;
use xxhash_rust::xxh3::xxh3_64;

const VERSION: usize = 2;
const FLAGS: usize = 4;
const TAG_COUNT: usize = 5;
const RESERVED: usize = 6;
const PAYLOAD_LEN: usize = 28;

fn key() -> StoreKey {
    StoreKey::new("app:profile:2b00:k42").unwrap()
}

fn header() -> Header {
    Header {
        codec: Bincode::ID,
        computed_at_ms: 1_700_000_000_000,
        ttl: Duration::from_secs(60),
        grace: Duration::from_secs(600),
        cost: Duration::from_micros(1_234),
        absent: false,
        uncacheable: false,
        no_grace: false,
    }
}

const TAGS: [TagVersion; 2] = [
    TagVersion { name: 1, token: 2 },
    TagVersion {
        name: u64::MAX,
        token: 3 << 60,
    },
];

fn sealed_with(payload: &[u8], header: &Header, tags: &[TagVersion]) -> Bytes {
    let mut buffer = envelope::begin();
    buffer.extend_from_slice(payload);
    envelope::seal(buffer, header, tags, &key())
}

fn sealed(payload: &[u8]) -> Bytes {
    sealed_with(payload, &header(), &[])
}

fn open(bytes: impl Into<Bytes>) -> Result<Envelope, Defect> {
    envelope::open(bytes.into(), Bincode::ID, &key())
}

/// `entry` as one would write it who knows the format and means ill.
fn forged(entry: &[u8], change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut entry = entry.to_vec();
    change(&mut entry);
    entry[40..48].fill(0);
    let checksum = xxh3_64(&entry);
    entry[40..48].copy_from_slice(&checksum.to_le_bytes());
    entry
}

#[test]
fn what_was_sealed_opens() {
    let bytes = sealed(b"payload");
    assert_eq!(bytes.len(), HEADER_LEN + 7);
    let opened = open(bytes).unwrap();
    assert_eq!(opened.header, header());
    assert_eq!(opened.payload, "payload");
    assert!(opened.tags.is_empty());
    assert!(open(sealed(b"")).unwrap().payload.is_empty());
}

#[test]
fn tags_come_back_in_their_order_and_leave_the_payload_as_it_is() {
    let opened = open(sealed_with(b"payload", &header(), &TAGS)).unwrap();
    assert_eq!(opened.tags, TAGS);
    assert_eq!(opened.payload, "payload");
}

#[test]
fn an_entry_that_says_that_nothing_can_be_stored_has_no_payload() {
    let uncacheable = Header {
        uncacheable: true,
        no_grace: true,
        ..header()
    };
    let bytes = sealed_with(b"forgotten", &uncacheable, &[]);
    assert_eq!(bytes.len(), HEADER_LEN);
    let entry = open(bytes).unwrap();
    assert_eq!(entry.header, uncacheable);
    assert!(entry.payload.is_empty());
    let with_payload = forged(&sealed(b"payload"), |entry| entry[FLAGS] |= 4);
    assert_eq!(open(with_payload).unwrap_err(), Defect::Length);
}

#[test]
fn an_absent_entry_has_tags_and_times_and_no_payload() {
    let absent = Header {
        absent: true,
        ..header()
    };
    let bytes = sealed_with(b"left over from an encoding", &absent, &TAGS);
    assert_eq!(bytes.len(), HEADER_LEN + 32);
    let opened = open(bytes).unwrap();
    assert_eq!(opened.header, absent);
    assert_eq!(opened.tags, TAGS);
    assert!(opened.payload.is_empty());
}

#[test]
fn an_empty_payload_is_not_an_absent_one() {
    assert!(!open(sealed(b"")).unwrap().header.absent);
}

#[test]
fn the_payload_is_not_copied() {
    let bytes = sealed_with(b"payload", &header(), &TAGS);
    let opened = open(bytes.clone()).unwrap();
    assert_eq!(opened.payload.as_ptr(), bytes[HEADER_LEN + 32..].as_ptr());
}

#[test]
fn the_layout_is_that_of_version_two() {
    let absent = Header {
        absent: true,
        ..header()
    };
    let bytes = sealed_with(b"payload", &header(), &TAGS);
    assert_eq!(bytes[..8], [0xCA, 0xCE, 2, 1, 0, 2, 0, 0]);
    assert_eq!(sealed_with(b"", &absent, &[])[FLAGS], 2);
    assert_eq!(bytes[8..14], 1_700_000_000_000_u64.to_le_bytes()[..6]);
    assert_eq!(bytes[14..19], 60_000_u64.to_le_bytes()[..5]);
    assert_eq!(bytes[19..24], 600_000_u64.to_le_bytes()[..5]);
    assert_eq!(bytes[24..28], 1_234_u32.to_le_bytes());
    assert_eq!(bytes[28..32], 7_u32.to_le_bytes());
    let hash = blake3::hash(key().as_str().as_bytes());
    assert_eq!(bytes[32..40], hash.as_bytes()[..8]);
    assert_eq!(bytes, forged(&bytes, |_| {}));
    assert_eq!(bytes[48..56], 1_u64.to_le_bytes());
    assert_eq!(bytes[56..64], 2_u64.to_le_bytes());
    assert_eq!(
        bytes[64..80],
        [[0xFF; 8], (3_u64 << 60).to_le_bytes()].concat()
    );
    assert_eq!(&bytes[80..], b"payload");
}

/// Entries of every kind, but for compressed ones.
fn entries() -> impl Iterator<Item = Bytes> {
    let absent = Header {
        absent: true,
        ..header()
    };
    [
        sealed(b"some payload"),
        sealed_with(b"some payload", &header(), &TAGS),
        sealed_with(b"", &absent, &TAGS),
    ]
    .into_iter()
}

#[test]
fn every_changed_byte_is_seen() {
    for bytes in entries() {
        for at in 0..bytes.len() {
            for flip in 1..=u8::MAX {
                let mut changed = bytes.to_vec();
                changed[at] ^= flip;
                let expected = match at {
                    0 | 1 => Defect::NotOurs,
                    VERSION => Defect::UnknownVersion,
                    _ => Defect::Checksum,
                };
                assert_eq!(open(changed).unwrap_err(), expected, "byte {at}");
            }
        }
    }
}

#[test]
fn every_truncation_and_every_tail_is_seen() {
    for bytes in entries() {
        for len in 0..bytes.len() {
            let expected = if len < HEADER_LEN {
                Defect::Truncated
            } else {
                Defect::Checksum
            };
            let defect = open(bytes.slice(..len)).unwrap_err();
            assert_eq!(defect, expected, "{len} bytes");
        }
        let longer = [&bytes[..], &[0]].concat();
        assert_eq!(open(longer).unwrap_err(), Defect::Checksum);
    }
}

#[test]
fn a_flag_of_a_later_release_is_left_alone() {
    for flag in (4..8).map(|bit| 1 << bit) {
        for bytes in entries() {
            let later = forged(&bytes, |entry| entry[FLAGS] |= flag);
            assert_eq!(open(later).unwrap_err(), Defect::UnknownVersion);
        }
    }
    for at in [RESERVED, RESERVED + 1] {
        let later = forged(&sealed(b"payload"), |entry| entry[at] = 1);
        assert_eq!(open(later).unwrap_err(), Defect::UnknownVersion);
    }
    assert!(Defect::UnknownVersion.leave_alone());
    assert!(!Defect::Checksum.leave_alone());
}

#[test]
fn a_later_release_may_have_put_more_between_header_and_payload() {
    let later = forged(&sealed(b"payload"), |entry| {
        entry[FLAGS] |= 1 << 7;
        entry.splice(HEADER_LEN..HEADER_LEN, [0; 24]);
    });
    assert_eq!(open(later).unwrap_err(), Defect::UnknownVersion);
}

#[test]
fn a_hostile_number_of_tags_is_seen() {
    for bytes in entries() {
        let count = bytes[TAG_COUNT];
        for hostile in (0..=u8::MAX).filter(|&hostile| hostile != count) {
            let forged = forged(&bytes, |entry| entry[TAG_COUNT] = hostile);
            assert_eq!(open(forged).unwrap_err(), Defect::Length, "{hostile}");
        }
    }
}

#[test]
fn a_hostile_length_is_seen() {
    for bytes in entries() {
        let mut field = [0; 4];
        field.copy_from_slice(&bytes[PAYLOAD_LEN..][..4]);
        let length = u32::from_le_bytes(field);
        for hostile in [0, 1, length.wrapping_sub(1), length + 1, 1 << 31, u32::MAX] {
            let forged = forged(&bytes, |entry| {
                entry[PAYLOAD_LEN..][..4].copy_from_slice(&hostile.to_le_bytes());
            });
            let expected = (hostile != length).then_some(Defect::Length);
            assert_eq!(open(forged).err(), expected, "{hostile}");
        }
    }
}

#[test]
fn a_payload_of_an_absent_entry_is_seen() {
    let forged = forged(&sealed(b"payload"), |entry| entry[FLAGS] |= 2);
    assert_eq!(open(forged).unwrap_err(), Defect::Length);
}

#[test]
fn as_many_tags_as_the_header_can_tell_of_come_back_and_more_are_seen() {
    let tags: Vec<_> = (0..=255)
        .map(|name| TagVersion { name, token: !name })
        .collect();
    let opened = open(sealed_with(b"payload", &header(), &tags[..255])).unwrap();
    assert_eq!(opened.tags, tags[..255]);
    let too_many = sealed_with(b"payload", &header(), &tags);
    assert_eq!(open(too_many).unwrap_err(), Defect::Length);
}

#[test]
fn another_key_and_another_codec_are_told_apart() {
    let bytes = sealed(b"payload");
    let other = StoreKey::new("app:profile:2b00:k43").unwrap();
    let opened = envelope::open(bytes.clone(), Bincode::ID, &other);
    assert_eq!(opened.unwrap_err(), Defect::OtherKey);
    let opened = envelope::open(bytes, 2, &key());
    assert_eq!(opened.unwrap_err(), Defect::OtherCodec);
}

#[test]
fn what_others_wrote_is_told_apart() {
    assert_eq!(
        open(&b"plain text of another application, longer than a header"[..]).unwrap_err(),
        Defect::NotOurs
    );
    // Another version may have a shorter header.
    for version in [1, 3] {
        let opened = open(vec![0xCA, 0xCE, version]);
        assert_eq!(opened.unwrap_err(), Defect::UnknownVersion);
    }
}

#[test]
fn times_are_rounded_up_to_their_unit_and_beyond_their_fields_are_the_longest() {
    let times = |ttl, cost| {
        let header = Header {
            computed_at_ms: u64::MAX,
            ttl,
            grace: ttl,
            cost,
            ..header()
        };
        open(sealed_with(b"", &header, &[])).unwrap().header
    };
    let short = times(Duration::from_nanos(1), Duration::from_nanos(1));
    assert_eq!(short.ttl, Duration::from_millis(1));
    assert_eq!(short.grace, Duration::from_millis(1));
    assert_eq!(short.cost, Duration::ZERO);
    let long = times(Duration::MAX, Duration::MAX);
    assert_eq!(long.computed_at_ms, (1 << 48) - 1);
    assert_eq!(long.ttl, Duration::from_millis((1 << 40) - 1));
    assert_eq!(long.grace, Duration::from_millis((1 << 40) - 1));
    assert_eq!(long.cost, Duration::from_micros(u32::MAX.into()));
}

#[test]
fn an_entry_that_says_it_is_compressed_and_is_not_is_seen() {
    let forged = forged(&sealed(b"payload"), |entry| entry[FLAGS] |= 1);
    let expected = if cfg!(feature = "lz4") {
        Defect::Compression
    } else {
        Defect::UnknownVersion
    };
    assert_eq!(open(forged).unwrap_err(), expected);
}

fn tag() -> impl Strategy<Value = TagVersion> {
    any::<(u64, u64)>().prop_map(|(name, token)| TagVersion { name, token })
}

fn any_header() -> impl Strategy<Value = Header> {
    let millis = || (0..1_u64 << 40).prop_map(Duration::from_millis);
    let cost = any::<u32>().prop_map(|cost| Duration::from_micros(cost.into()));
    (
        any::<u8>(),
        0..1_u64 << 48,
        millis(),
        millis(),
        cost,
        any::<bool>(),
    )
        .prop_map(
            |(codec, computed_at_ms, ttl, grace, cost, no_grace)| Header {
                codec,
                computed_at_ms,
                ttl,
                grace,
                cost,
                absent: false,
                uncacheable: false,
                no_grace,
            },
        )
}

proptest! {
    #[test]
    fn any_header_tags_and_payload_come_back(
        payload in proptest::collection::vec(any::<u8>(), 0..3_000),
        header in any_header(),
        tags in proptest::collection::vec(tag(), 0..9),
        text in "[!-~]{1,300}",
    ) {
        let key = StoreKey::new(text).unwrap();
        let mut buffer = envelope::begin();
        buffer.extend_from_slice(&payload);
        let sealed = envelope::seal(buffer, &header, &tags, &key);
        let opened = envelope::open(sealed, header.codec, &key).unwrap();
        prop_assert_eq!(opened.header, header);
        prop_assert_eq!(opened.tags, tags);
        prop_assert_eq!(opened.payload, payload);
    }

    #[test]
    fn bytes_of_any_kind_do_not_panic(bytes: Vec<u8>, ours: bool) {
        let mut bytes = bytes;
        if ours {
            bytes.splice(0..0, [0xCA, 0xCE, 2, 1]);
        }
        prop_assert!(open(bytes).is_err());
    }
}
