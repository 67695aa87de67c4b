use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::*;

fn bytes<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    canonical(value).unwrap()
}

#[test]
fn fields_of_other_names_have_other_bytes() {
    #[derive(Serialize)]
    struct Range {
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<u32>,
        #[serde(skip_serializing_if = "Option::is_none")]
        to: Option<u32>,
    }
    let from = Range {
        from: Some(5),
        to: None,
    };
    let to = Range {
        from: None,
        to: Some(5),
    };
    assert_ne!(bytes(&from), bytes(&to));
}

#[test]
fn neighbouring_strings_do_not_run_together() {
    assert_ne!(bytes(&("a:b", "")), bytes(&("a", ":b")));
    assert_ne!(
        bytes(&(vec!["a"], vec!["b"])),
        bytes(&(vec!["a", "b"], Vec::<&str>::new()))
    );
    assert_ne!(
        bytes(&vec![vec![1_u8], vec![]]),
        bytes(&vec![vec![], vec![1_u8]])
    );
}

#[test]
fn lengths_around_the_one_byte_form_are_told_apart() {
    let forms: Vec<_> = (253..258).map(|len| bytes(&"x".repeat(len))).collect();
    for (index, form) in forms.iter().enumerate() {
        assert!(
            forms[index + 1..]
                .iter()
                .all(|other| !other.starts_with(form))
        );
    }
}

#[test]
fn the_order_of_a_map_does_not_matter() {
    let pairs = (0..100).map(|n| (format!("key{n}"), n));
    let hashed: HashMap<_, _> = pairs.clone().collect();
    let sorted: BTreeMap<_, _> = pairs.collect();
    assert_eq!(bytes(&hashed), bytes(&sorted));
}

#[test]
fn floats_go_by_their_bits() {
    assert_ne!(bytes(&0.0_f64), bytes(&-0.0_f64));
    assert_eq!(bytes(&f64::NAN), bytes(&f64::NAN));
}

#[test]
fn owned_and_borrowed_forms_have_the_same_bytes() {
    assert_eq!(bytes("a"), bytes(&String::from("a")));
    assert_eq!(bytes(&[1_u8, 2][..]), bytes(&vec![1_u8, 2]));
    assert_eq!(bytes(&Some("a")), bytes(&Some(String::from("a"))));
}

#[test]
fn none_some_and_unit_differ() {
    let forms = [bytes(&None::<()>), bytes(&Some(())), bytes(&())];
    assert_ne!(forms[0], forms[1]);
    assert_ne!(forms[0], forms[2]);
    assert_ne!(forms[1], forms[2]);
}

#[test]
fn an_argument_that_fails_to_serialize_is_an_error() {
    struct Locked;
    impl Serialize for Locked {
        fn serialize<S: ser::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(ser::Error::custom("locked"))
        }
    }
    assert!(
        canonical(&Locked)
            .unwrap_err()
            .to_string()
            .contains("locked")
    );
}
