//! Every codec gives back what it was given, and takes any bytes without harm.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::io;

use cachekit_core::codec::{Bincode, Codec, CodecError, Json, MAX_DECODED, MAX_DEPTH, MessagePack};
use cachekit_core::schema::Shape;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Profile {
    id: u64,
    name: String,
    balance: i128,
    score: f64,
    weight: f32,
    letter: char,
    flags: [bool; 3],
    photo: Vec<u8>,
    tags: BTreeMap<String, Option<i32>>,
    counts: HashMap<u16, u32>,
    plan: Plan,
    friends: Vec<Self>,
    nothing: (),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Plan {
    Free,
    Trial(u8),
    Paid { until: i64, seats: Option<u32> },
    Group(String, Box<Self>),
}

fn plan() -> impl Strategy<Value = Plan> {
    let leaf = prop_oneof![
        Just(Plan::Free),
        any::<u8>().prop_map(Plan::Trial),
        any::<(i64, Option<u32>)>().prop_map(|(until, seats)| Plan::Paid { until, seats }),
    ];
    leaf.prop_recursive(4, 8, 1, |inner| {
        (any::<String>(), inner).prop_map(|(name, plan)| Plan::Group(name, Box::new(plan)))
    })
}

fn profile() -> impl Strategy<Value = Profile> {
    let finite = (proptest::num::f64::NORMAL, proptest::num::f32::NORMAL);
    let scalars = (
        any::<u64>(),
        any::<String>(),
        any::<i128>(),
        finite,
        any::<char>(),
    );
    let flat = (
        scalars,
        any::<([bool; 3], Vec<u8>)>(),
        any::<BTreeMap<String, Option<i32>>>(),
    );
    let one = (flat, any::<HashMap<u16, u32>>(), plan()).prop_map(|(flat, counts, plan)| {
        let ((id, name, balance, (score, weight), letter), (flags, photo), tags) = flat;
        let (friends, nothing) = (Vec::new(), ());
        Profile {
            id,
            name,
            balance,
            score,
            weight,
            letter,
            flags,
            photo,
            tags,
            counts,
            plan,
            friends,
            nothing,
        }
    });
    one.prop_recursive(3, 12, 3, |inner| {
        (inner.clone(), prop::collection::vec(inner, 0..3))
            .prop_map(|(profile, friends)| Profile { friends, ..profile })
    })
}

fn encode<C: Codec, T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::new();
    C::encode(value, &mut bytes).expect("it is encoded");
    bytes
}

fn round_trip<C: Codec, T: Serialize + DeserializeOwned + PartialEq + Debug + 'static>(value: &T) {
    let shape = Shape::of::<T>(C::POSITIONAL, C::HUMAN_READABLE);
    let bytes = encode::<C, _>(&shape.checked(value));
    assert_eq!(&C::decode::<T>(&bytes).expect("it is decoded"), value);
}

/// Every truncation and every changed byte is an error or some value; never a panic.
fn damage<C: Codec>(value: &Profile, flip: u8) {
    let bytes = encode::<C, _>(value);
    for len in 0..bytes.len() {
        assert!(
            C::decode::<Profile>(&bytes[..len]).is_err(),
            "{len} of {} bytes",
            bytes.len()
        );
    }
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= flip;
        let _ = C::decode::<Profile>(&changed);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn damaged_bytes_do_no_harm(mut value in profile(), flip in 1..=u8::MAX) {
        value.friends.clear();
        value.photo.truncate(4);
        value.tags = value.tags.into_iter().take(2).collect();
        value.counts = value.counts.into_iter().take(2).collect();
        damage::<Bincode>(&value, flip);
        damage::<MessagePack>(&value, flip);
        damage::<Json>(&value, flip);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_value_comes_back(value in profile()) {
        round_trip::<Bincode, _>(&value);
        round_trip::<MessagePack, _>(&value);
        round_trip::<Json, _>(&value);
    }

    #[test]
    fn bytes_of_any_kind_do_no_harm(bytes: Vec<u8>) {
        let _ = Bincode::decode::<Profile>(&bytes);
        let _ = MessagePack::decode::<Profile>(&bytes);
        let _ = Json::decode::<Profile>(&bytes);
        let _ = Json::decode::<serde_json::Value>(&bytes);
        let _ = MessagePack::decode::<serde_json::Value>(&bytes);
    }

    #[test]
    fn floats_keep_every_bit_in_json(value in proptest::num::f64::NORMAL) {
        let back: f64 = Json::decode(&encode::<Json, _>(&value)).unwrap();
        prop_assert_eq!(back.to_bits(), value.to_bits());
    }
}

fn assert_refuses_trailing<C: Codec>(space: u8) {
    let mut bytes = encode::<C, _>(&(7_u32, "seven"));
    bytes.push(space);
    let error = C::decode::<(u32, String)>(&bytes).unwrap_err();
    assert!(matches!(error, CodecError::Trailing), "{error:?}");
}

#[test]
fn bytes_left_over_are_refused() {
    assert_refuses_trailing::<Bincode>(0);
    assert_refuses_trailing::<MessagePack>(0);
    assert_refuses_trailing::<Json>(b'1');
}

#[test]
fn a_hostile_length_is_an_error_and_allocates_nothing() {
    // Lengths of 2^40 and of 2^64 - 1, and a little after them.
    for length in [1_u64 << 40, u64::MAX] {
        let mut bytes = vec![253];
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(b"payload!");
        assert_eq!(bytes.len(), 17);
        assert!(Bincode::decode::<String>(&bytes).is_err());
        assert!(Bincode::decode::<Vec<u8>>(&bytes).is_err());
        assert!(Bincode::decode::<Vec<String>>(&bytes).is_err());
        assert!(Bincode::decode::<HashMap<u64, u64>>(&bytes).is_err());
    }
    // MessagePack: a string, bytes, an array and a map of 2^32 - 1.
    for marker in [0xdb, 0xc6, 0xdd, 0xdf] {
        let bytes = [marker, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];
        assert!(MessagePack::decode::<String>(&bytes).is_err());
        assert!(MessagePack::decode::<Vec<u64>>(&bytes).is_err());
        assert!(MessagePack::decode::<HashMap<u64, u64>>(&bytes).is_err());
    }
}

#[test]
fn deep_nesting_is_an_error() {
    #[derive(Debug, Deserialize)]
    struct Nested(#[expect(dead_code, reason = "only its depth matters")] Vec<Self>);
    let deep = 100_000;
    let json = "[".repeat(deep) + &"]".repeat(deep);
    assert!(Json::decode::<Nested>(json.as_bytes()).is_err());
    let mut messagepack = vec![0x91; deep];
    messagepack.push(0x90);
    assert!(MessagePack::decode::<Nested>(&messagepack).is_err());
    let shallow = "[".repeat(MAX_DEPTH - 1) + &"]".repeat(MAX_DEPTH - 1);
    assert!(Json::decode::<Nested>(shallow.as_bytes()).is_ok());
}

#[test]
fn a_value_over_the_bound_is_refused_on_either_side() {
    fn assert_bounded<C: Codec>() {
        let text = "x".repeat(MAX_DECODED + 1);
        let mut out = Vec::new();
        assert!(matches!(
            C::encode(&text, &mut out),
            Err(CodecError::TooLarge)
        ));
        let bytes = vec![b'1'; MAX_DECODED + 1];
        assert!(matches!(C::decode::<u8>(&bytes), Err(CodecError::TooLarge)));
    }
    assert_bounded::<Bincode>();
    assert_bounded::<MessagePack>();
    assert_bounded::<Json>();
}

#[test]
fn a_writer_that_fails_is_an_error() {
    struct Full;
    impl io::Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::StorageFull.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    assert!(matches!(
        Bincode::encode("text", Full),
        Err(CodecError::Encode(_))
    ));
    assert!(matches!(
        MessagePack::encode("text", Full),
        Err(CodecError::Encode(_))
    ));
    assert!(matches!(
        Json::encode("text", Full),
        Err(CodecError::Encode(_))
    ));
}

#[test]
fn errors_of_decoding_do_not_quote_the_value() {
    let bytes = encode::<Json, _>("hunter2");
    let error = Json::decode::<u32>(&bytes).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
    let bytes = encode::<MessagePack, _>("hunter2");
    let error = MessagePack::decode::<u32>(&bytes).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("hunter2"));
}

#[test]
fn messagepack_reads_by_name() {
    #[derive(Serialize)]
    struct Old {
        a: u32,
        b: u32,
        gone: String,
    }
    #[derive(Debug, PartialEq, Deserialize)]
    struct New {
        b: u32,
        a: u32,
        #[serde(default)]
        added: Option<u8>,
    }
    let bytes = encode::<MessagePack, _>(&Old {
        a: 1,
        b: 2,
        gone: "x".into(),
    });
    assert_eq!(
        MessagePack::decode::<New>(&bytes).unwrap(),
        New {
            b: 2,
            a: 1,
            added: None
        }
    );
}

#[test]
fn codecs_differ_in_id_and_letter() {
    let ids = [Bincode::ID, MessagePack::ID, Json::ID];
    let letters = [Bincode::LETTER, MessagePack::LETTER, Json::LETTER];
    assert_eq!(ids, [1, 2, 3]);
    assert_eq!(letters, ['b', 'm', 'j']);
}
