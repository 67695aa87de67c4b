//! Arguments of every kind form the key.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;

use cachekit::cached;
use serde::Serialize;

use crate::origin::Origin;

#[test]
fn owned_arguments_form_the_key() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn repeated(text: String, count: usize) -> String {
        ORIGIN.ask();
        text.repeat(count)
    }
    assert_eq!(repeated("ab".to_owned(), 2), "abab");
    assert_eq!(repeated("ab".to_owned(), 2), "abab");
    assert_eq!(ORIGIN.asked(), 1);
    assert_eq!(repeated("ab".to_owned(), 3), "ababab");
    assert_eq!(repeated("a".to_owned(), 2), "aa");
    assert_eq!(ORIGIN.asked(), 3);
}

#[test]
fn a_function_without_arguments_has_one_entry() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn answer() -> u64 {
        ORIGIN.ask();
        42
    }
    assert_eq!((answer(), answer()), (42, 42));
    assert_eq!(ORIGIN.asked(), 1);
}

#[test]
fn borrowed_arguments_of_every_kind_form_the_key() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn joined<'a>(
        text: &str,
        bytes: &[u8],
        maybe: Option<&'a str>,
        list: Vec<&'a str>,
        pair: (&str, u8),
        cow: Cow<'_, str>,
        nested: &Option<&[&str]>,
    ) -> String {
        ORIGIN.ask();
        format!("{text}{bytes:?}{maybe:?}{list:?}{pair:?}{cow}{nested:?}")
    }
    let call = |last: &str| {
        let text = String::from("t");
        joined(
            &text,
            &[1, 2],
            Some("m"),
            vec!["l", "k"],
            ("p", 7),
            last.into(),
            &Some(&["n"]),
        )
    };
    assert_eq!(call("c"), call("c"));
    assert_eq!(ORIGIN.asked(), 1);
    assert_ne!(call("c"), call("d"));
    assert_eq!(ORIGIN.asked(), 2);
}

#[tokio::test]
async fn borrowed_arguments_of_async_functions_form_the_key() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    async fn joined<'a>(text: &str, list: &'a [&'a str], cow: Cow<'_, str>) -> String {
        ORIGIN.ask();
        tokio::task::yield_now().await;
        format!("{text}{list:?}{cow}")
    }
    for _ in 0..2 {
        let text = String::from("t");
        assert_eq!(
            joined(&text, &["a", "b"], "c".into()).await,
            r#"t["a", "b"]c"#
        );
    }
    assert_eq!(ORIGIN.asked(), 1);
}

#[test]
fn floats_and_maps_form_the_key() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn total(factor: f64, counts: HashMap<String, u32>, more: &BTreeMap<u8, f32>) -> f64 {
        ORIGIN.ask();
        factor * f64::from(counts.values().sum::<u32>()) + f64::from(more.values().sum::<f32>())
    }
    let forwards = || (0..50).map(|n| (n.to_string(), n)).collect();
    let backwards = || (0..50).rev().map(|n| (n.to_string(), n)).collect();
    let more = BTreeMap::from([(1, 0.5)]);
    assert_eq!(
        total(0.5, forwards(), &more),
        total(0.5, backwards(), &more)
    );
    assert_eq!(ORIGIN.asked(), 1);
    assert_ne!(
        total(-0.5, forwards(), &more),
        total(0.5, forwards(), &more)
    );
    assert_eq!(ORIGIN.asked(), 2);
}

#[derive(Serialize)]
struct Point {
    x: u32,
    y: u32,
}

#[test]
fn destructured_arguments_form_the_key() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn sum((a, mut b): (u32, u32), Point { x, y }: Point, [first, ..]: [u32; 2]) -> u32 {
        ORIGIN.ask();
        b += 1;
        a + b + x + y + first
    }
    assert_eq!(sum((1, 2), Point { x: 3, y: 4 }, [5, 6]), 16);
    assert_eq!(sum((1, 2), Point { x: 3, y: 4 }, [5, 6]), 16);
    assert_eq!(ORIGIN.asked(), 1);
    assert_eq!(sum((1, 2), Point { x: 3, y: 4 }, [5, 7]), 16);
    assert_eq!(ORIGIN.asked(), 2);
}

#[tokio::test]
async fn destructured_arguments_of_bodies_in_place_form_the_key() {
    static ORIGIN: Origin = Origin::new();
    #[cached(companions = false)]
    fn sum((a, mut b): (u32, u32)) -> u32 {
        ORIGIN.ask();
        b += 1;
        a + b
    }
    #[cached(companions = false)]
    async fn detached((a, mut b): (u32, u32)) -> u32 {
        ORIGIN.ask();
        b += 1;
        a + b
    }
    #[cached(companions = false)]
    async fn inline((a, b): &(u32, u32), mut c: u32) -> u32 {
        ORIGIN.ask();
        c += 1;
        a + b + c
    }
    for _ in 0..2 {
        assert_eq!(sum((1, 2)), 4);
        assert_eq!(detached((1, 2)).await, 4);
        assert_eq!(inline(&(1, 2), 3).await, 7);
    }
    assert_eq!(ORIGIN.asked(), 3);
}

#[test]
fn a_mutable_binding_is_keyed_by_what_was_given() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn sorted(mut list: Vec<u32>) -> Vec<u32> {
        ORIGIN.ask();
        list.sort_unstable();
        list
    }
    assert_eq!(sorted(vec![2, 1]), [1, 2]);
    assert_eq!(sorted(vec![1, 2]), [1, 2]);
    assert_eq!(sorted(vec![2, 1]), [1, 2]);
    assert_eq!(ORIGIN.asked(), 2);
}

#[test]
fn an_argument_that_the_body_cannot_see_is_no_part_of_the_key() {
    struct Unserializable;
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn doubled(id: u32, _: Unserializable) -> u32 {
        ORIGIN.ask();
        2 * id
    }
    assert_eq!(doubled(1, Unserializable), doubled(1, Unserializable));
    assert_eq!(ORIGIN.asked(), 1);
}

#[test]
fn the_types_of_a_generic_call_form_the_key() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn named<T: Serialize, const N: usize>(_value: T, more: impl Display + Serialize) -> String {
        ORIGIN.ask();
        format!("{}{N}{more}", std::any::type_name::<T>())
    }
    #[derive(Serialize)]
    struct Meters(u8);
    assert_eq!(named::<_, 1>(5_u8, "a"), "u81a");
    assert_eq!(named::<_, 1>(5_u8, "a"), "u81a");
    assert_eq!(ORIGIN.asked(), 1);
    assert_eq!(named::<_, 2>(5_u8, "a"), "u82a");
    assert!(named::<_, 1>(Meters(5), "a").contains("Meters"));
    assert_eq!(named::<_, 1>(5_u8, "a".to_owned()), "u81a");
    assert_eq!(ORIGIN.asked(), 4);
}

#[test]
fn a_generic_parameter_that_no_argument_tells_is_passed_on() {
    #[cached]
    fn size<T>(count: usize) -> usize {
        count * size_of::<T>()
    }
    assert_eq!(size::<u32>(2), 8);
    assert_eq!(size::<u64>(2), 16);
    assert_eq!(size::peek::<u32>(2), Some(8));
}

#[test]
fn bounds_and_unsized_parameters_stay() {
    #[cached]
    fn length<T>(text: &T, factor: usize) -> usize
    where
        T: AsRef<str> + Serialize + ?Sized,
    {
        text.as_ref().len() * factor
    }
    assert_eq!(length("abc", 2), 6);
    assert_eq!(length(&String::from("abc"), 2), 6);
}

#[test]
fn names_of_the_user_and_of_the_expansion_do_not_meet() {
    #[cached(companions = false, ttl = std::time::Duration::from_secs(cache))]
    fn sum(
        key: u64,
        cache: u64,
        kind: u64,
        ttl: u64,
        value: u64,
        (call, result): (u64, u64),
    ) -> u64 {
        key + cache + kind + ttl + value + call + result
    }
    #[cached(ttl = std::time::Duration::from_secs(cache))]
    fn product(key: u64, cache: u64, kind: u64, ttl: u64, value: u64) -> u64 {
        key * cache * kind * ttl * value
    }
    assert_eq!(sum(1, 2, 3, 4, 5, (6, 7)), 28);
    assert_eq!(product(1, 2, 3, 4, 5), 120);
    product::prime(1, 2, 3, 4, 5, 121).unwrap();
    assert_eq!(product(1, 2, 3, 4, 5), 121);
}

#[test]
fn raw_identifiers_work() {
    #[cached(key = "{type}")]
    fn r#match(r#type: u32) -> u32 {
        r#type + 1
    }
    assert_eq!(r#match(1), 2);
    assert_eq!(r#match::peek(1), Some(2));
}

#[test]
fn a_raw_field_is_a_placeholder() {
    struct Event {
        r#type: u32,
    }
    static ORIGIN: Origin = Origin::new();
    #[cached(key = "{event.r#type}", tags = ["type:{event.r#type}"])]
    fn name(event: &Event) -> String {
        ORIGIN.ask();
        event.r#type.to_string()
    }
    for _ in 0..2 {
        assert_eq!(name(&Event { r#type: 1 }), "1");
        assert_eq!(name(&Event { r#type: 2 }), "2");
    }
    assert_eq!(ORIGIN.asked(), 2);
}

mod without_prelude {
    #![no_implicit_prelude]

    use ::cachekit::{cached, removes};

    #[cached(ttl = 5, timeout = 5, negative_ttl = 5, tags = ["id:{id}"])]
    pub(super) fn found(id: u32) -> ::core::option::Option<u32> {
        ::core::option::Option::Some(id)
    }

    #[removes(found(id), tag = "id:{id}", namespace = "numbers")]
    pub(super) fn change(id: u32) -> u32 {
        id
    }
}

#[test]
fn the_expansion_needs_no_prelude() {
    assert_eq!(without_prelude::found(1), Some(1));
    assert_eq!(without_prelude::change(1), 1);
    assert_eq!(without_prelude::found::peek(1), None);
}

#[test]
fn an_argument_that_does_not_serialize_bypasses_the_cache() {
    struct Moody;
    impl Serialize for Moody {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("not today"))
        }
    }
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn asked(_mood: &Moody) -> u32 {
        ORIGIN.ask();
        1
    }
    assert_eq!(asked(&Moody) + asked(&Moody), 2);
    assert_eq!(ORIGIN.asked(), 2);
    assert_eq!(asked::peek(&Moody), None);
    assert!(asked::remove(&Moody).is_err());
}

#[test]
fn a_function_made_by_a_macro_is_cached() {
    static ORIGIN: Origin = Origin::new();
    macro_rules! cached_sum {
        ($name:ident, $ty:ty, $more:expr) => {
            #[cached(ttl = 5, condition = left > 0)]
            fn $name(left: $ty) -> $ty {
                ORIGIN.ask();
                let right = $more;
                left + right
            }
        };
    }
    cached_sum!(sum, u64, 5);
    assert_eq!((sum(1), sum(1)), (6, 6));
    assert_eq!(ORIGIN.asked(), 1);
    assert_eq!((sum(0), sum(0)), (5, 5));
    assert_eq!(ORIGIN.asked(), 3);
}

mod lower_case {
    #![expect(non_upper_case_globals, reason = "names that the expansion might want")]

    use cachekit::cached;

    static key: u32 = 1;
    const cache: u32 = 2;
    const FUNCTION: u32 = 3;

    fn boxed() -> u32 {
        4
    }

    #[cached]
    pub(super) fn blocking(id: u32) -> u32 {
        id + key + cache + FUNCTION + boxed()
    }

    #[cached(companions = false)]
    pub(super) async fn detached(id: u32) -> u32 {
        id + key + cache + FUNCTION + boxed()
    }
}

#[tokio::test]
async fn items_of_the_user_and_of_the_expansion_do_not_meet() {
    assert_eq!(lower_case::blocking(5), 15);
    assert_eq!(lower_case::detached(5).await, 15);
}

#[test]
fn a_body_with_an_impl_inside_is_still_that_of_a_free_function() {
    #[cached]
    pub(crate) fn counted(id: u32) -> u32 {
        struct Counter(u32);
        impl Counter {
            fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }
        Counter(id).next().0
    }
    assert_eq!(counted(1), 2);
    assert_eq!(counted::peek(1), Some(2));
}
