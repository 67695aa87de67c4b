//! Fingerprints of types, as a positional codec has them.

use cachekit_core::schema::Shape;
use serde::de::DeserializeOwned;

/// The fingerprint of a type that can be carried.
pub(crate) fn positional<T: DeserializeOwned>() -> u64 {
    let shape = Shape::trace::<T>(true, false);
    assert!(shape.refusal().is_none(), "{:?}", shape.refusal());
    shape.fingerprint()
}

/// No two of them are the same.
pub(crate) fn assert_distinct(fingerprints: &[u64]) {
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
