//! Values that would be read back as something else are refused while they are encoded.

use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use cachekit_core::codec::{Bincode, Codec, CodecError, Json, MessagePack};
use cachekit_core::schema::Shape;
use serde::de::DeserializeOwned;
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

fn encode<C: Codec, T: Serialize + DeserializeOwned + 'static>(
    value: &T,
) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::new();
    let shape = Shape::of::<T>(C::POSITIONAL, C::HUMAN_READABLE);
    C::encode(&shape.checked(value), &mut bytes)?;
    Ok(bytes)
}

/// What bincode says of a value that it must not take.
fn refusal<T: Serialize + DeserializeOwned + 'static>(value: &T) -> String {
    let text = encode::<Bincode, T>(value)
        .expect_err("a refusal")
        .to_string();
    assert!(text.contains("use MessagePack"), "{text}");
    text
}

fn assert_carried<T>(value: T)
where
    T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug + 'static,
{
    let bytes = encode::<Bincode, T>(&value).expect("it is carried");
    let mut plain = Vec::new();
    Bincode::encode(&value, &mut plain).unwrap();
    assert_eq!(bytes, plain, "checking changes the bytes");
    assert_eq!(Bincode::decode::<T>(&bytes).unwrap(), value);
}

#[test]
fn a_field_left_out_by_its_value_is_refused() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Search {
        #[serde(skip_serializing_if = "Option::is_none", default)]
        after: Option<u32>,
        limit: u32,
        words: Vec<u8>,
    }
    let whole = Search {
        after: Some(1),
        limit: 2,
        words: vec![],
    };
    let partial = Search {
        after: None,
        limit: 1,
        words: vec![],
    };
    for _ in 0..2 {
        let text = refusal(&partial);
        assert!(text.contains("`Search"), "{text}");
    }
    assert_eq!(
        MessagePack::decode::<Search>(&encode::<MessagePack, _>(&partial).unwrap()).unwrap(),
        partial
    );
    assert_carried(whole);
}

#[test]
fn a_field_skipped_on_one_side_is_refused() {
    #[derive(PartialEq, Serialize, Deserialize)]
    struct Login {
        #[serde(skip_serializing, default)]
        secret: String,
        tag: String,
    }
    #[derive(Serialize, Deserialize)]
    struct Seen {
        #[serde(skip_deserializing)]
        at: u32,
        count: u32,
    }
    /// As many on either side, and not the same.
    #[derive(PartialEq, Serialize, Deserialize)]
    struct Shifted {
        #[serde(skip_serializing, default)]
        first: u32,
        second: u32,
        #[serde(skip_deserializing)]
        third: u32,
    }
    assert!(
        refusal(&Login {
            secret: "s".into(),
            tag: "t".into()
        })
        .contains("`Login`")
    );
    assert!(refusal(&Seen { at: 1, count: 2 }).contains("`Seen`"));
    assert!(
        refusal(&vec![Shifted {
            first: 1,
            second: 2,
            third: 3
        }])
        .contains("`Shifted.third`")
    );
}

#[test]
fn a_variant_whose_index_is_shifted_is_refused() {
    #[derive(Serialize, Deserialize)]
    enum Event {
        Started,
        #[serde(skip_deserializing)]
        Internal,
        Stopped {
            code: u8,
        },
        Failed(u8),
    }
    let text = refusal(&Event::Stopped { code: 1 });
    assert!(text.contains("`Event.Stopped`"), "{text}");
    assert!(refusal(&Event::Internal).contains("`Event.Internal`"));
    assert!(refusal(&Event::Failed(1)).contains("`Event.Failed`"));
    assert!(encode::<Bincode, _>(&Event::Started).is_ok());
}

#[test]
fn a_value_written_as_another_type_is_refused() {
    fn as_text<S: Serializer>(value: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }
    fn as_sequence<S: Serializer>(value: &(u8, u8), serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq([value.0, value.1])
    }
    #[derive(Serialize, Deserialize)]
    struct Text {
        #[serde(serialize_with = "as_text")]
        id: u32,
    }
    #[derive(Serialize, Deserialize)]
    struct Pair {
        #[serde(serialize_with = "as_sequence")]
        pair: (u8, u8),
    }
    assert!(refusal(&Text { id: 7 }).contains("writes str where Deserialize reads u32"));
    assert!(refusal(&Pair { pair: (1, 2) }).contains("`Pair.pair`"));
}

#[test]
fn types_that_have_no_positions_are_refused_at_every_call() {
    #[derive(Serialize, Deserialize)]
    struct Flat {
        id: u32,
        #[serde(flatten)]
        rest: HashMap<String, u32>,
    }
    for _ in 0..2 {
        assert!(refusal(&serde_json::json!({"a": 1})).contains("any value"));
        assert!(
            refusal(&Flat {
                id: 1,
                rest: HashMap::new()
            })
            .contains("flatten")
        );
    }
    assert!(encode::<Json, _>(&serde_json::json!({"a": 1})).is_ok());
}

#[test]
fn an_option_of_an_option_is_refused_where_it_would_be_lost() {
    let value = Some(None::<u8>);
    assert_carried(value);
    for text in [
        encode::<MessagePack, _>(&value).unwrap_err().to_string(),
        encode::<Json, _>(&value).unwrap_err().to_string(),
    ] {
        assert!(text.contains("use bincode"), "{text}");
    }
}

#[test]
fn messages_do_not_hold_values() {
    #[derive(Serialize, Deserialize)]
    struct Login {
        #[serde(skip_serializing_if = "String::is_empty", default)]
        empty: String,
        secret: String,
    }
    let text = refusal(&Login {
        empty: String::new(),
        secret: "hunter2".into(),
    });
    assert!(!text.contains("hunter2"));
}

#[test]
fn ordinary_types_are_carried() {
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Aliased {
        #[serde(alias = "identifier", alias = "key")]
        id: u32,
        #[serde(rename = "type", default)]
        kind: String,
        #[serde(skip)]
        cached: Option<u8>,
        last: u8,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Tree {
        Leaf,
        Both(Box<Self>, Box<Self>),
        Named { name: String, inside: Vec<Self> },
        One(Box<Self>),
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Unit;
    assert_carried(Aliased {
        id: 1,
        kind: "k".into(),
        cached: None,
        last: 9,
    });
    assert_carried(Tree::Both(
        Box::new(Tree::One(Box::new(Tree::Leaf))),
        Box::new(Tree::Named {
            name: "n".into(),
            inside: vec![Tree::Leaf, Tree::Leaf],
        }),
    ));
    assert_carried((Unit, (), [1_u8; 32], 'x', -1.5_f32, i128::MIN));
    assert_carried(BTreeMap::from([(
        (1_u8, "a".to_owned()),
        vec![Some(Ok::<u8, String>(1))],
    )]));
    assert_carried(Arc::new(String::from("shared")));
}

#[test]
fn types_of_the_standard_library_are_carried() {
    assert_carried("127.0.0.1".parse::<IpAddr>().unwrap());
    assert_carried("::1".parse::<IpAddr>().unwrap());
    assert_carried("[::1]:80".parse::<SocketAddr>().unwrap());
    assert_carried(Duration::from_millis(1_500));
    assert_carried(SystemTime::UNIX_EPOCH + Duration::from_secs(7));
    assert_carried(PathBuf::from("/tmp/x"));
    assert_carried(Range {
        start: 1_u64,
        end: 5,
    });
    assert_carried(1_u8..=4);
    assert_carried(std::ops::Bound::Included(3_i16));
    assert_carried(std::num::NonZeroI64::new(-4).unwrap());
    assert_carried(std::num::Wrapping(3_u32));
    assert_carried(std::cmp::Reverse(3_u32));
    assert_carried(std::marker::PhantomData::<u8>);
    assert_carried(c"text".to_owned());
    assert_carried(std::collections::HashSet::from([1_u8, 2]));
    assert_carried(std::collections::VecDeque::from([1_u8, 2]));
    assert_carried(std::borrow::Cow::<'static, str>::Owned("x".into()));
    assert_carried(Box::<[u16]>::from([1, 2]));
    if cfg!(unix) {
        assert_carried(OsString::from("x"));
    }
}
