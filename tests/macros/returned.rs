//! Return types of every kind are cached as they should be.

use std::num::ParseIntError;
use std::sync::Arc;

use cachekit::cached;

use crate::origin::Origin;

type Parsed<T> = Result<T, ParseIntError>;

#[test]
fn only_ok_is_cached_and_the_error_keeps_its_type() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn parsed(text: &str) -> Result<u32, ParseIntError> {
        ORIGIN.ask();
        let number: u32 = text.parse()?;
        Ok(number)
    }
    assert_eq!((parsed("7"), parsed("7")), (Ok(7), Ok(7)));
    assert_eq!(ORIGIN.asked(), 1);
    assert!(parsed("x").is_err() && parsed("x").is_err());
    assert_eq!(ORIGIN.asked(), 3);
}

#[tokio::test]
async fn an_alias_of_result_is_a_result() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    async fn parsed(text: String) -> Parsed<u32> {
        ORIGIN.ask();
        let number = text.parse()?;
        Ok(number)
    }
    assert!(parsed("x".to_owned()).await.is_err());
    assert!(parsed("x".to_owned()).await.is_err());
    assert_eq!(ORIGIN.asked(), 2);
    assert_eq!(parsed("7".to_owned()).await, Ok(7));
    assert_eq!(parsed("7".to_owned()).await, Ok(7));
    assert_eq!(ORIGIN.asked(), 3);
}

#[test]
fn an_error_needs_no_trait() {
    struct Bare;
    #[cached]
    fn fallible(id: u32) -> Result<u32, Bare> {
        if id == 0 { Err(Bare) } else { Ok(id) }
    }
    assert!(fallible(0).is_err());
    assert!(matches!(fallible(1), Ok(1)));
}

#[test]
fn none_is_cached_on_request_only() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn found(id: u32) -> Option<u32> {
        ORIGIN.ask();
        (id > 0).then_some(id)
    }
    #[cached(cache_none)]
    fn found_or_not(id: u32) -> Option<u32> {
        ORIGIN.ask();
        (id > 0).then_some(id)
    }
    assert_eq!((found(1), found(1)), (Some(1), Some(1)));
    assert_eq!(ORIGIN.asked(), 1);
    assert_eq!((found(0), found(0)), (None, None));
    assert_eq!(ORIGIN.asked(), 3);
    assert_eq!((found_or_not(0), found_or_not(0)), (None, None));
    assert_eq!(ORIGIN.asked(), 4);
    assert_eq!(found_or_not::peek(0), Some(None));
}

#[tokio::test]
async fn a_none_inside_of_ok_is_cached_on_request_only() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    async fn found(id: u32) -> Result<Option<u32>, String> {
        ORIGIN.ask();
        Ok((id > 0).then_some(id))
    }
    #[cached(cache_none)]
    async fn found_or_not(id: u32) -> Result<Option<u32>, String> {
        ORIGIN.ask();
        Ok((id > 0).then_some(id))
    }
    for _ in 0..2 {
        assert_eq!(found(1).await, Ok(Some(1)));
        assert_eq!(found(0).await, Ok(None));
        assert_eq!(found_or_not(0).await, Ok(None));
    }
    assert_eq!(ORIGIN.asked(), 1 + 2 + 1);
}

#[test]
fn a_shared_value_is_the_same_allocation_on_a_hit() {
    #[cached]
    fn words(text: &str) -> Arc<Vec<String>> {
        Arc::new(text.split(' ').map(str::to_owned).collect())
    }
    assert!(Arc::ptr_eq(&words("a b"), &words("a b")));
}

#[test]
fn a_result_of_nothing_remembers_success_only() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn checked(id: u32) -> Result<(), String> {
        ORIGIN.ask();
        if id == 0 {
            Err("zero".to_owned())
        } else {
            Ok(())
        }
    }
    assert_eq!((checked(1), checked(1)), (Ok(()), Ok(())));
    assert_eq!(ORIGIN.asked(), 1);
    assert!(checked(0).is_err() && checked(0).is_err());
    assert_eq!(ORIGIN.asked(), 3);
}

#[test]
fn a_return_inside_the_body_returns_from_the_function() {
    #[cached(companions = false)]
    fn early(id: u32) -> Result<u32, String> {
        if id == 0 {
            return Err("zero".to_owned());
        }
        Ok(id)
    }
    assert_eq!(early(0), Err("zero".to_owned()));
    assert_eq!(early(1), Ok(1));
}

#[test]
fn a_generic_value_inside_of_a_result_is_found() {
    #[cached]
    fn defaulted<T>(id: u32) -> Result<T, String>
    where
        T: Default + Clone + Send + Sync + serde::Serialize + serde::de::DeserializeOwned + 'static,
    {
        if id == 0 {
            Err("zero".to_owned())
        } else {
            Ok(T::default())
        }
    }
    assert_eq!(defaulted::<u8>(1), Ok(0));
    assert_eq!(defaulted::<String>(1), Ok(String::new()));
    assert!(defaulted::<u8>(0).is_err());
}

#[test]
fn an_error_may_be_a_static_reference() {
    static ORIGIN: Origin = Origin::new();
    #[cached]
    fn fallible(id: u32) -> Result<Box<[u32]>, &'static str> {
        ORIGIN.ask();
        if id == 0 {
            Err("zero")
        } else {
            Ok([id].into())
        }
    }
    assert_eq!((fallible(0), fallible(0)), (Err("zero"), Err("zero")));
    assert_eq!(ORIGIN.asked(), 2);
    assert_eq!((fallible(1), fallible(1)), (Ok([1].into()), Ok([1].into())));
    assert_eq!(ORIGIN.asked(), 3);
}

#[test]
fn an_error_may_be_a_box() {
    #[cached]
    fn parsed(text: &str) -> Result<u32, Box<dyn std::error::Error>> {
        Ok(text.parse()?)
    }
    assert_eq!(parsed("7").unwrap(), 7);
    assert!(parsed("x").unwrap_err().is::<ParseIntError>());
}
