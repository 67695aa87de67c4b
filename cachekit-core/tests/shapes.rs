//! Generated types: every change of one is seen, and no bytes of one harm another.

mod dynamic;

use cachekit_core::codec::{Bincode, Codec};
use cachekit_core::schema::Shape;
use dynamic::generate::{tree, value};
use dynamic::{Dynamic, Type, with_type};
use proptest::prelude::*;

fn trace(of: &Type) -> Shape {
    with_type(of, || Shape::trace::<Dynamic>(true, false))
}

proptest! {
    #[test]
    fn every_change_is_seen(tree in tree(), at: usize, how: usize) {
        let mut changed = tree.clone();
        changed.change(at % tree.count(), how);
        let (before, after) = (tree.build(), changed.build());
        prop_assume!(before != after);
        let (before, after) = (trace(&before), trace(&after));
        prop_assert!(before.refusal().is_none(), "{:?}", before.refusal());
        prop_assert_ne!(before.fingerprint(), after.fingerprint());
    }

    #[test]
    fn the_names_of_types_and_the_kind_of_codec_do_not_count(tree in tree()) {
        let of = tree.build();
        let expected = trace(&of).fingerprint();
        prop_assert_eq!(trace(&of).fingerprint(), expected);
        let renamed = Type { names_from: 4, ..of.clone() };
        prop_assert_eq!(trace(&renamed).fingerprint(), expected);
        let named = with_type(&of, || Shape::trace::<Dynamic>(false, false));
        prop_assert_eq!(named.fingerprint(), expected);
    }

    #[test]
    fn values_come_back_and_do_no_harm_to_other_types(tree in tree(), at: usize, how: usize, seed: u64) {
        let mut changed = tree.clone();
        changed.change(at % tree.count(), how);
        let (of, other) = (tree.build(), changed.build());
        let mut seed = seed;
        let value = Dynamic(value(&of, of.root, 0, &mut seed));
        let shape = trace(&of);
        let mut bytes = Vec::new();
        Bincode::encode(&shape.checked(&value), &mut bytes).expect("it is carried");
        let back = with_type(&of, || Bincode::decode::<Dynamic>(&bytes)).expect("it comes back");
        prop_assert_eq!(&back, &value);
        // Whatever comes out, it is no panic and no abort.
        let _ = with_type(&other, || Bincode::decode::<Dynamic>(&bytes));
        // A value of another type is not encoded as one of this, or has the bytes of one.
        let other_shape = trace(&other);
        let mut bytes = Vec::new();
        if Bincode::encode(&other_shape.checked(&value), &mut bytes).is_ok() {
            let back = with_type(&other, || Bincode::decode::<Dynamic>(&bytes));
            prop_assert_eq!(&back.expect("it comes back"), &value);
        }
    }
}
