//! Fingerprints: which changes of a type are seen, and which types cannot be carried.

use std::collections::{BTreeMap, HashMap};
use std::num::NonZeroU32;
use std::sync::Arc;

use cachekit_core::schema::Shape;
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};

fn positional<T: DeserializeOwned>() -> u64 {
    let shape = Shape::trace::<T>(true, false);
    assert!(shape.refusal().is_none(), "{:?}", shape.refusal());
    shape.fingerprint()
}

fn refusal<T: DeserializeOwned>() -> String {
    let shape = Shape::trace::<T>(true, false);
    shape.refusal().expect("a refusal").to_string()
}

/// The fingerprint of a type `S`, which is written in place.
macro_rules! fingerprint {
    ($($item:tt)*) => {{
        #[derive(Serialize, Deserialize)]
        $($item)*
        positional::<S>()
    }};
}

/// No two of them are the same.
fn assert_distinct(fingerprints: &[u64]) {
    for (index, fingerprint) in fingerprints.iter().enumerate() {
        let same = fingerprints[..index]
            .iter()
            .position(|other| other == fingerprint);
        assert_eq!(
            same, None,
            "number {index} has the fingerprint of an earlier one"
        );
    }
}

#[test]
fn every_change_of_a_struct_changes_the_fingerprint() {
    assert_distinct(&[
        fingerprint!(
            struct S {
                id: u32,
                name: String,
                size: u32,
            }
        ),
        fingerprint!(
            struct S {
                id: u32,
                name: String,
                size: u32,
                extra: u8,
            }
        ),
        fingerprint!(
            struct S {
                id: u32,
                name: String,
            }
        ),
        fingerprint!(
            struct S {
                size: u32,
                name: String,
                id: u32,
            }
        ),
        fingerprint!(
            struct S {
                id: u32,
                name: String,
                length: u32,
            }
        ),
        fingerprint!(
            struct S {
                id: u32,
                name: String,
                size: i32,
            }
        ),
        fingerprint!(
            struct S {
                id: u32,
                name: Vec<u8>,
                size: u32,
            }
        ),
        fingerprint!(
            struct S {
                id: u32,
                name: Option<String>,
                size: u32,
            }
        ),
        fingerprint!(
            struct S {
                id: u32,
                name: (String,),
                size: u32,
            }
        ),
        fingerprint!(
            struct S {
                id: u32,
                name: Vec<String>,
                size: u32,
            }
        ),
        fingerprint!(
            struct S(u32, String, u32);
        ),
        fingerprint!(
            struct S(u32, String);
        ),
        fingerprint!(
            struct S;
        ),
        fingerprint!(
            struct S {}
        ),
    ]);
}

#[test]
fn every_change_of_an_enum_changes_the_fingerprint() {
    assert_distinct(&[
        fingerprint!(
            enum S {
                A,
                B(u32),
                C { x: u32 },
                D(u32, u32),
            }
        ),
        fingerprint!(
            enum S {
                B(u32),
                A,
                C { x: u32 },
                D(u32, u32),
            }
        ),
        fingerprint!(
            enum S {
                A,
                B(u32),
                C { x: u32 },
                D(u32, u32),
                E,
            }
        ),
        fingerprint!(
            enum S {
                A,
                B(u32),
                C { x: u32 },
            }
        ),
        fingerprint!(
            enum S {
                A,
                B(i32),
                C { x: u32 },
                D(u32, u32),
            }
        ),
        fingerprint!(
            enum S {
                A,
                B(u32),
                C { y: u32 },
                D(u32, u32),
            }
        ),
        fingerprint!(
            enum S {
                A,
                B(u32),
                C { x: u32 },
                D(u32, i32),
            }
        ),
        fingerprint!(
            enum S {
                Z,
                B(u32),
                C { x: u32 },
                D(u32, u32),
            }
        ),
        fingerprint!(
            enum S {
                A(u32),
                B(u32),
                C { x: u32 },
                D(u32, u32),
            }
        ),
    ]);
}

#[test]
fn a_change_is_seen_wherever_it_is() {
    #[derive(Serialize, Deserialize)]
    struct Page<T> {
        items: Vec<T>,
        next: Option<T>,
    }
    #[derive(Serialize, Deserialize)]
    enum Deep<T> {
        First,
        Second {
            inside: BTreeMap<String, (u8, Option<Vec<T>>)>,
        },
    }
    assert_distinct(&[
        positional::<Page<u32>>(),
        positional::<Page<i32>>(),
        positional::<Page<Page<u32>>>(),
        positional::<Page<Page<i32>>>(),
        positional::<Page<Page<Page<u32>>>>(),
        positional::<Deep<u32>>(),
        positional::<Deep<i32>>(),
        positional::<Deep<Deep<u32>>>(),
        positional::<Page<Deep<Page<u32>>>>(),
        positional::<Page<Deep<Page<i32>>>>(),
        positional::<Result<Page<u32>, String>>(),
        positional::<Result<Page<u32>, u32>>(),
    ]);
}

#[test]
fn leaves_and_containers_all_differ() {
    assert_distinct(&[
        positional::<()>(),
        positional::<bool>(),
        positional::<i8>(),
        positional::<i16>(),
        positional::<i32>(),
        positional::<i64>(),
        positional::<i128>(),
        positional::<u8>(),
        positional::<u16>(),
        positional::<u32>(),
        positional::<u64>(),
        positional::<u128>(),
        positional::<f32>(),
        positional::<f64>(),
        positional::<char>(),
        positional::<String>(),
        positional::<Option<u8>>(),
        positional::<Option<Option<u8>>>(),
        positional::<Vec<u8>>(),
        positional::<Vec<Vec<u8>>>(),
        positional::<(u8,)>(),
        positional::<(u8, u8)>(),
        positional::<[u8; 3]>(),
        positional::<[u8; 4]>(),
        positional::<HashMap<u8, u8>>(),
        positional::<HashMap<u8, i8>>(),
        positional::<HashMap<i8, u8>>(),
    ]);
}

#[test]
fn the_same_shape_has_the_same_fingerprint_under_any_name() {
    #[derive(Serialize, Deserialize)]
    struct Author {
        name: String,
        age: u8,
    }
    #[derive(Serialize, Deserialize)]
    struct Reader {
        name: String,
        age: u8,
    }
    #[derive(Serialize, Deserialize)]
    struct One {
        first: Author,
        second: Author,
        rest: BTreeMap<String, Author>,
    }
    #[derive(Serialize, Deserialize)]
    struct Two {
        first: Author,
        second: Reader,
        rest: HashMap<Arc<str>, Box<Reader>>,
    }
    assert_eq!(positional::<Author>(), positional::<Reader>());
    assert_eq!(positional::<One>(), positional::<Two>());
}

#[test]
fn pointers_and_newtypes_have_the_fingerprint_of_what_is_in_them() {
    #[derive(Serialize, Deserialize)]
    struct Id(u64);
    assert_eq!(positional::<Arc<String>>(), positional::<String>());
    assert_eq!(positional::<Box<Arc<Vec<u8>>>>(), positional::<Vec<u8>>());
    assert_eq!(positional::<Id>(), positional::<u64>());
}

#[test]
fn recursive_types_are_seen_to_their_last_variant() {
    #[derive(Serialize, Deserialize)]
    struct List<T> {
        value: T,
        next: Option<Box<Self>>,
    }
    #[derive(Serialize, Deserialize)]
    enum Tree<T> {
        Both(Box<Self>, Box<Self>),
        Not(Box<Self>),
        Call { name: String, arguments: Vec<Self> },
        Leaf(T),
        Nothing,
    }
    #[derive(Serialize, Deserialize)]
    struct Newtype(Vec<Self>);
    assert_distinct(&[
        positional::<List<u32>>(),
        positional::<List<i32>>(),
        positional::<List<List<u32>>>(),
        positional::<Tree<u32>>(),
        positional::<Tree<i32>>(),
        positional::<Tree<List<u32>>>(),
        positional::<List<Tree<u32>>>(),
        positional::<List<Tree<i32>>>(),
        positional::<Newtype>(),
    ]);
}

#[test]
fn types_that_recur_through_each_other_are_seen_whole() {
    #[derive(Serialize, Deserialize)]
    enum Statement<T> {
        If(Expression<T>, Vec<Self>),
        Do(Expression<T>),
    }
    #[derive(Serialize, Deserialize)]
    enum Expression<T> {
        Block(Vec<Statement<T>>),
        Sum(Box<Self>, Box<Self>),
        Value(T),
    }
    assert_distinct(&[
        positional::<Statement<u8>>(),
        positional::<Statement<i8>>(),
        positional::<Expression<u8>>(),
        positional::<Expression<i8>>(),
    ]);
}

#[test]
fn fingerprints_do_not_change_with_builds_and_releases() {
    #[derive(Serialize, Deserialize)]
    struct Profile {
        id: u64,
        name: Option<String>,
        tags: BTreeMap<String, Vec<f32>>,
        state: State,
        friends: Vec<Self>,
    }
    #[derive(Serialize, Deserialize)]
    enum State {
        New,
        Seen(u32, char),
        Gone { reason: String },
    }
    let pinned = [
        (positional::<u64>(), 0xa248_1493_b936_2ff3),
        (positional::<(u8, String)>(), 0x8b10_7110_2461_04ec),
        (positional::<Option<Vec<bool>>>(), 0xb1b2_e29d_a165_4774),
        (positional::<State>(), 0xa8f6_feda_8fb8_ad3c),
        (positional::<Profile>(), 0x2a5a_5398_b4de_c8ba),
        (
            Shape::trace::<Profile>(false, true).fingerprint(),
            0x2a5a_5398_b4de_c8ba,
        ),
    ];
    for (index, (found, pinned)) in pinned.into_iter().enumerate() {
        assert_eq!(found, pinned, "number {index}: {found:#018x}");
    }
}

#[test]
fn a_leaf_that_checks_its_value_does_not_hide_what_follows() {
    #[derive(Serialize, Deserialize)]
    struct Dated<T> {
        day: Day,
        divisor: NonZeroU32,
        address: std::net::IpAddr,
        after: T,
    }
    /// Takes nothing that looks like a sample.
    #[derive(Serialize, Deserialize)]
    #[serde(try_from = "String", into = "String")]
    #[derive(Clone)]
    struct UserId(String);
    impl TryFrom<String> for UserId {
        type Error = &'static str;
        fn try_from(text: String) -> Result<Self, Self::Error> {
            if text.starts_with("usr_") {
                Ok(Self(text))
            } else {
                Err("no user id")
            }
        }
    }
    impl From<UserId> for String {
        fn from(id: UserId) -> Self {
            id.0
        }
    }
    #[derive(Serialize, Deserialize)]
    struct Owned<T> {
        owner: UserId,
        second: UserId,
        kind: Kind<T>,
        after: T,
    }
    #[derive(Serialize, Deserialize)]
    enum Kind<T> {
        One(UserId),
        Two { by: UserId, value: T },
        Three(Option<UserId>, T),
    }
    assert_distinct(&[
        positional::<Dated<u32>>(),
        positional::<Dated<i32>>(),
        positional::<Owned<u32>>(),
        positional::<Owned<i32>>(),
        positional::<Kind<u32>>(),
        positional::<Kind<i32>>(),
        positional::<Vec<Option<Owned<u32>>>>(),
        positional::<Vec<Option<Owned<i32>>>>(),
        positional::<(u8, UserId)>(),
        positional::<(i8, UserId)>(),
    ]);
    assert!(refusal::<(UserId, u32)>().contains("no sample passes"));
}

/// A day like `1970-01-01`.
#[derive(Serialize, Deserialize)]
#[serde(try_from = "String")]
struct Day {
    text: String,
}

impl TryFrom<String> for Day {
    type Error = &'static str;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let parts: Vec<_> = text.split('-').map(str::parse::<u16>).collect();
        match parts[..] {
            [Ok(_), Ok(1..=12), Ok(1..=31)] => Ok(Self { text }),
            _ => Err("no day"),
        }
    }
}

#[test]
fn what_has_no_shape_is_refused_by_name() {
    #[derive(Serialize, Deserialize)]
    struct Report {
        rows: Vec<serde_json::Value>,
    }
    #[derive(Serialize, Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        Number(u32),
        Text(String),
    }
    #[derive(Serialize, Deserialize)]
    #[serde(tag = "kind")]
    enum Internal {
        A { x: u32 },
        B,
    }
    #[derive(Serialize, Deserialize)]
    struct Flat {
        #[serde(flatten)]
        rest: HashMap<String, u32>,
    }
    #[derive(Serialize, Deserialize)]
    enum Renamed {
        A,
        #[serde(alias = "Old")]
        New(u32),
    }
    for text in [
        refusal::<Report>(),
        refusal::<Untagged>(),
        refusal::<Internal>(),
    ] {
        assert!(
            text.contains("any value") && text.contains("use MessagePack"),
            "{text}"
        );
    }
    assert!(refusal::<Report>().contains("`Report.rows`"));
    assert!(refusal::<Flat>().contains("flatten"));
    assert!(refusal::<Renamed>().contains("alias"));
    assert!(refusal::<Vec<()>>().contains("no bytes"));
    for shape in [
        Shape::trace::<Report>(false, false),
        Shape::trace::<Flat>(false, true),
    ] {
        assert!(shape.refusal().is_none());
    }
    let nested = Shape::trace::<Vec<Option<Option<u8>>>>(false, false);
    assert!(
        nested
            .refusal()
            .unwrap()
            .to_string()
            .contains("use bincode")
    );
}

#[test]
fn tracing_ends_whatever_a_type_does() {
    #[derive(Debug, Serialize, Deserialize)]
    struct Endless {
        next: Box<Self>,
    }
    #[derive(Debug, Serialize, Deserialize)]
    struct Newtype(Box<Self>);
    #[derive(Debug)]
    struct Failing;
    impl<'de> Deserialize<'de> for Failing {
        fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Err(serde::de::Error::custom("never"))
        }
    }
    #[derive(Debug)]
    struct Panicking;
    impl<'de> Deserialize<'de> for Panicking {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let items = Vec::<u8>::deserialize(deserializer)?;
            assert!(items.len() > 3, "a sample is shorter");
            Ok(Self)
        }
    }
    #[derive(Debug, Deserialize)]
    enum Never {}
    for (positional, human_readable) in [(true, false), (false, false), (false, true)] {
        let shapes = [
            Shape::trace::<Endless>(positional, human_readable),
            Shape::trace::<Newtype>(positional, human_readable),
            Shape::trace::<Failing>(positional, human_readable),
            Shape::trace::<Panicking>(positional, human_readable),
            Shape::trace::<Never>(positional, human_readable),
            Shape::trace::<Result<(Failing, u8), (u8, Never)>>(positional, human_readable),
        ];
        for shape in shapes {
            let again = shape.fingerprint();
            assert_eq!(shape.fingerprint(), again);
        }
    }
    assert!(refusal::<Panicking>().contains("panics"));
}

#[test]
fn a_shape_is_traced_once() {
    let first = Shape::of::<Vec<(u8, String)>>(true, false);
    let second = Shape::of::<Vec<(u8, String)>>(true, false);
    assert!(std::ptr::eq(first, second));
    assert!(!std::ptr::eq(
        first,
        Shape::of::<Vec<(u8, String)>>(false, false)
    ));
}
