//! Types that check their values, and types that cannot be carried.

mod fingerprints;

use std::collections::HashMap;
use std::num::NonZeroU32;

use cachekit_core::schema::Shape;
use fingerprints::{assert_distinct, positional};
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};

fn refusal<T: DeserializeOwned>() -> String {
    let shape = Shape::trace::<T>(true, false);
    shape.refusal().expect("a refusal").to_string()
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
