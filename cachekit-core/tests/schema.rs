//! Fingerprints: which changes of a type are seen.

mod fingerprints;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use cachekit_core::schema::Shape;
use fingerprints::{assert_distinct, positional};
use serde::{Deserialize, Serialize};

/// The fingerprint of a type `S`, which is written in place.
macro_rules! fingerprint {
    ($($item:tt)*) => {{
        #[derive(Serialize, Deserialize)]
        $($item)*
        positional::<S>()
    }};
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
fn a_shape_is_traced_once() {
    let first = Shape::of::<Vec<(u8, String)>>(true, false);
    let second = Shape::of::<Vec<(u8, String)>>(true, false);
    assert!(std::ptr::eq(first, second));
    assert!(!std::ptr::eq(
        first,
        Shape::of::<Vec<(u8, String)>>(false, false)
    ));
}
