use super::*;

type Fallible<T> = Result<T, std::io::Error>;

fn none<K: Kind>(_: K, value: K::Value) -> bool {
    K::is_none(&value)
}

#[test]
fn an_alias_of_result_is_a_result() {
    let kind = (&&&&Probe::<Fallible<u8>>::new()).kind();
    assert_eq!(format!("{kind:?}"), "PlainResult");
    let kind = (&&&&Probe::<Fallible<Option<u8>>>::new()).kind();
    assert_eq!(format!("{kind:?}"), "OptionalResult");
    assert!(none(kind, None));
}

#[test]
fn an_option_and_a_plain_value_are_told_apart() {
    let kind = (&&&&Probe::<Option<u8>>::new()).kind();
    assert!(none(kind, None));
    assert!(!none(kind, Some(1)));
    let kind = (&&&&Probe::<Vec<u8>>::new()).kind();
    assert_eq!(format!("{kind:?}"), "Plain");
}

#[test]
fn an_error_that_clones_is_shared_as_it_is() {
    let kind = (&&&&Probe::<Result<u8, String>>::new()).kind();
    let share = (&&&ErrorProbe::new(kind)).share();
    let kept = share.keep(&"away".to_owned()).unwrap();
    assert_eq!(share.give(&kept).unwrap(), "away");
}

#[test]
fn an_error_that_can_be_made_of_ours_carries_the_text_of_the_failure() {
    #[derive(Debug)]
    struct Mine(Error);
    impl From<Error> for Mine {
        fn from(error: Error) -> Self {
            Self(error)
        }
    }
    impl fmt::Display for Mine {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("origin away")
        }
    }
    let kind = (&&&&Probe::<Result<u8, Mine>>::new()).kind();
    let share = (&&&ErrorProbe::new(kind)).share();
    let failure = Mine(Error::new(ErrorKind::Timeout, "test"));
    let Mine(shared) = share.give(&share.keep(&failure).unwrap()).unwrap();
    let source = std::error::Error::source(&shared).unwrap();
    assert_eq!(source.to_string(), "origin away");
}

#[test]
fn errors_of_ours_are_told_where_an_error_can_be_made_of_them() {
    let ours = (&&&&Probe::<Result<u8, Error>>::new()).kind();
    let said = (&&ErrorProbe::new(ours)).say().unwrap();
    assert_eq!(
        said(Error::new(ErrorKind::Timeout, "test")).kind(),
        ErrorKind::Timeout
    );
    let other = (&&&&Probe::<Fallible<u8>>::new()).kind();
    assert!((&&ErrorProbe::new(other)).say().is_none());
    let plain = (&&&&Probe::<u8>::new()).kind();
    assert!((&&ErrorProbe::new(plain)).say().is_none());
}

#[test]
fn any_other_error_is_not_shared() {
    let kind = (&&&&Probe::<Fallible<u8>>::new()).kind();
    let share = (&&&ErrorProbe::new(kind)).share();
    assert!(share.keep(&std::io::Error::other("away")).is_none());
}
