//! How a map that a function returns for many ids is made of their values and errors, found by
//! method resolution as [`Kind`](crate::cache::Kind) is.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use crate::cache::kind::{PlainResult, Probe};

/// The result of each id that has one.
pub(crate) type Results<M> = Vec<(
    <M as Many>::Id,
    Result<<M as Many>::Value, <M as Many>::Error>,
)>;

/// How the declared return type is made of ids, values and errors.
pub trait Many: Copy + Send + Sync + 'static {
    /// What the function returns.
    type Returned;
    /// What values are found by.
    type Id: Clone + Eq + Hash;
    /// What is stored for one id.
    type Value;
    /// What is not.
    type Error;

    /// The kind of the result of one id.
    fn one(self) -> PlainResult<Self::Value, Self::Error> {
        PlainResult::new()
    }

    /// Takes the map apart. An id that is not in it has no value.
    ///
    /// # Errors
    /// That of the function, for all ids.
    fn split(returned: Self::Returned) -> Result<Results<Self>, Self::Error>;

    /// Puts it together again. Where the map has no place for an error, one of an id is that of
    /// all.
    fn join(results: Results<Self>) -> Self::Returned;
}

impl<K, V, S, E> ResultOfMap<K, V, S, E> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<K, V, S, E> MapOfResults<K, V, S, E> {
    pub(crate) const fn new() -> Self {
        Self(PhantomData)
    }
}

macro_rules! maps {
    ($($(#[doc = $doc:literal])+ $map:ident<$($p:ident),+>, $of:ident($($probe:tt)+):
        $returned:ty = $value:ty | $error:ty, $split:expr, $join:expr;)*) => {$(
        $(#[doc = $doc])+
        pub struct $map<$($p),+>(PhantomData<fn() -> ($($p,)+)>);

        impl<$($p),+> Clone for $map<$($p),+> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($p),+> Copy for $map<$($p),+> {}

        impl<$($p),+> fmt::Debug for $map<$($p),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($map))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($p: 'static),+> Many for $map<$($p),+>
        where
            K: Clone + Eq + Hash,
            S: BuildHasher + Default,
        {
            type Returned = $returned;
            type Id = K;
            type Value = $value;
            type Error = $error;

            fn split(returned: Self::Returned) -> Result<Results<Self>, Self::Error> {
                $split(returned)
            }

            fn join(results: Results<Self>) -> Self::Returned {
                $join(results)
            }
        }

        /// Finds the map of a probe.
        pub trait $of {
            /// The map.
            type Map;
            /// The map.
            fn many(&self) -> Self::Map;
        }

        impl<$($p),+> $of for $($probe)+ {
            type Map = $map<$($p),+>;

            #[inline]
            fn many(&self) -> Self::Map {
                $map(PhantomData)
            }
        }
    )*};
}

maps! {
    /// `Result<HashMap<K, V>, E>`
    ResultOfMap<K, V, S, E>, OfResultOfMap(Probe<Result<HashMap<K, V, S>, E>>):
        Result<HashMap<K, V, S>, E> = V | E, |returned: Self::Returned| returned.map(all_ok),
        |results: Results<Self>| {
            let valued = results.into_iter().map(|(id, result)| Ok((id, result?)));
            valued.collect()
        };
    /// `HashMap<K, Result<V, E>>`
    MapOfResults<K, V, S, E>, OfMapOfResults(&Probe<HashMap<K, Result<V, E>, S>>):
        HashMap<K, Result<V, E>, S> = V | E,
        |returned: Self::Returned| Ok(returned.into_iter().collect()),
        |results: Results<Self>| results.into_iter().collect();
    /// `HashMap<K, V>`
    Map<K, V, S>, OfMap(Probe<HashMap<K, V, S>>):
        HashMap<K, V, S> = V | Infallible,
        |returned: Self::Returned| Ok(all_ok(returned)),
        |results: Results<Self>| {
            let valued = results.into_iter().map(|(id, Ok(value))| (id, value));
            valued.collect()
        };
}

fn all_ok<K, V, S, E>(map: HashMap<K, V, S>) -> Vec<(K, Result<V, E>)> {
    map.into_iter().map(|(id, value)| (id, Ok(value))).collect()
}

#[cfg(test)]
#[expect(
    clippy::needless_borrow,
    reason = "written as the macro writes it, for every type alike"
)]
mod tests {
    use super::*;

    type Found<V> = HashMap<u8, V>;

    fn there_and_back<M: Many<Error: fmt::Debug>>(_: M, returned: M::Returned) -> M::Returned {
        M::join(M::split(returned).unwrap())
    }

    #[test]
    fn each_kind_of_map_is_told_apart_and_put_together_again() {
        let map = (&&Probe::<Found<u8>>::new()).many();
        assert_eq!(format!("{map:?}"), "Map");
        assert_eq!(
            there_and_back(map, Found::from([(1, 2)])),
            Found::from([(1, 2)])
        );

        let map = (&&Probe::<Result<Found<u8>, String>>::new()).many();
        assert_eq!(format!("{map:?}"), "ResultOfMap");
        assert_eq!(there_and_back(map, Ok(Found::new())), Ok(Found::new()));

        let map = (&&Probe::<Found<Result<u8, String>>>::new()).many();
        assert_eq!(format!("{map:?}"), "MapOfResults");
        let some = Found::from([(1, Ok(2)), (2, Err("no".to_owned()))]);
        assert_eq!(there_and_back(map, some.clone()), some);
    }

    #[test]
    fn where_a_map_has_no_place_for_the_error_of_an_id_it_is_that_of_all() {
        fn failed<M: Many<Error = String, Id = u8>>(_: M) -> M::Returned {
            M::join(vec![(1, Err("no".to_owned()))])
        }
        let map = (&&Probe::<Result<Found<u8>, String>>::new()).many();
        assert_eq!(failed(map), Err("no".to_owned()));
    }
}
