//! What stands around a function changes nothing of what it becomes.

/// Functions among constants of the names that an expansion may bind: a pattern of a constant's name
/// is no variable.
mod among_constants {
    #![allow(
        non_upper_case_globals,
        dead_code,
        reason = "they have the names of variables"
    )]

    use std::collections::HashMap;

    use cachekit::{Cache, cached, removes};

    macro_rules! constants {
        ($($name:ident)*) => {
            $(const $name: u8 = 0;)*
        };
    }

    constants! {
        argument argument_0 argument_1 arguments boxed cache call computed function key kept kept_0_0
        kept_0_1 kind many probe removals result returned runtime succeeded tags ttl uncached value
        __argument_0 __boxed __cache __call __function __key __kept_0_0 __kept_0_1 __kind __many
        __probe __removals __result __returned __succeeded __tags __ttl __uncached __value
    }

    #[cached(
        tags = ["pair:{id}"],
        ttl = std::time::Duration::from_secs(id),
        cache = cachekit::cache(),
        condition = id > 0
    )]
    pub(crate) fn sum((left, right): (u64, u64), id: u64, _: bool) -> Option<u64> {
        Some(left + right + id)
    }

    #[cached(companions = false, tags = ["pair"])]
    pub(crate) fn sum_in_place((left, right): (u64, u64), _: bool) -> Result<u64, String> {
        Ok(left + right)
    }

    pub(crate) struct Service(pub(crate) Cache);

    impl Service {
        #[cached(cache = self.0, skip(self), tags = ["pair"])]
        pub(crate) async fn sum(&self, (left, right): (u64, u64)) -> Result<u64, String> {
            Ok(left + right)
        }
    }

    #[cached(companions = false, timeout = 5)]
    pub(crate) async fn owned((left, right): (u64, u64)) -> u64 {
        left + right
    }

    #[cached(many = ids, tags = ["id:{ids}"], companions = false)]
    pub(crate) fn sums(ids: Vec<u64>, (left, right): (u64, u64)) -> HashMap<u64, u64> {
        ids.into_iter().map(|id| (id, id + left + right)).collect()
    }

    #[cached]
    pub(crate) fn doubled(id: u64) -> u64 {
        2 * id
    }

    #[removes(doubled(id), doubled(id + 1), tag = "{name}:{id}", cache = cachekit::cache())]
    pub(crate) fn change(id: u64, name: String) -> Result<u64, String> {
        Ok(id + name.len() as u64)
    }
}

/// Functions among items of the user that have the names of the standard library's.
mod among_names {
    #![allow(
        non_camel_case_types,
        non_snake_case,
        dead_code,
        reason = "they hide those of others"
    )]

    use cachekit::{cached, removes};

    macro_rules! names {
        ($($name:ident)*) => { $(struct $name {})* };
    }

    names! {
        Arc Box Clone Duration Error Fn FnOnce From Future HashMap Into Option Pin Result Send String
        Sync ToString Vec bool str u64
    }

    fn Err() {}
    fn None() {}
    fn Ok() {}
    fn Some() {}

    mod alloc {}
    mod core {}
    mod std {}

    type Number = ::core::primitive::u64;

    #[cached(
        negative_ttl = 3,
        timeout = 5,
        tags = ["id:{id}"],
        unless = result.is_some_and(|n| n > 5)
    )]
    pub(crate) fn found(id: Number) -> ::core::option::Option<Number> {
        ::core::option::Option::Some(id)
    }

    #[cached]
    pub(crate) async fn owned(id: Number) -> ::core::result::Result<Number, ::cachekit::Error> {
        ::core::result::Result::Ok(id)
    }

    #[removes(found(id), tag = "id:{result}")]
    pub(crate) async fn change(id: Number) -> Number {
        id
    }
}

use std::collections::HashMap;

use among_constants::{Service, change, doubled, owned, sum, sum_in_place, sums};
use cachekit::Cache;

#[test]
fn a_sync_function_among_constants_of_the_names_of_variables_is_cached() {
    assert_eq!(sum((1, 2), 3, true), Some(6));
    sum::prime((1, 2), 3, true, Some(7)).unwrap();
    assert_eq!(sum((1, 2), 3, true), Some(7));
    assert_eq!(sum::refresh((1, 2), 3, true), Some(6));
    assert_eq!(sum::peek((1, 2), 3, true), Some(Some(6)));
    sum::remove((1, 2), 3, true).unwrap();
    assert!(sum::key((1, 2), 3, true).is_ok());
    assert_eq!(sum_in_place((1, 2), true), Ok(3));
}

#[tokio::test]
async fn an_async_function_among_constants_of_the_names_of_variables_is_cached() {
    let service = Service(Cache::in_process());
    assert_eq!(service.sum((1, 2)).await, Ok(3));
    service.sum_prime((1, 2), Ok(4)).await.unwrap();
    assert_eq!(service.sum((1, 2)).await, Ok(4));
    assert_eq!(owned((1, 2)).await, 3);
}

#[test]
fn many_ids_among_constants_of_the_names_of_variables_are_cached() {
    assert_eq!(sums(vec![1, 2], (1, 2)), HashMap::from([(1, 4), (2, 5)]));
}

#[test]
fn a_removal_among_constants_of_the_names_of_variables_removes() {
    assert_eq!(doubled(1), 2);
    assert_eq!(change(1, "a".to_owned()), Ok(2));
    assert_eq!(doubled::peek(1), None);
}

#[tokio::test]
async fn functions_among_names_of_the_standard_library_are_cached_and_removed() {
    assert_eq!(
        (among_names::found(1), among_names::found(6)),
        (Some(1), Some(6))
    );
    assert_eq!(among_names::found::peek(1), Some(Some(1)));
    assert_eq!(among_names::found::peek(6), None);
    assert_eq!(among_names::owned(1).await.unwrap(), 1);
    among_names::change(1).await;
    assert_eq!(among_names::found::peek(1), None);
}
