//! Two functions never share an entry because of their names.

use cachekit::cached;

mod first {
    #[super::cached]
    pub(super) fn load(id: u32) -> String {
        format!("first {id}")
    }
}

mod second {
    #[super::cached]
    pub(super) fn load(id: u32) -> String {
        format!("second {id}")
    }
}

#[test]
fn functions_of_one_name_in_two_modules_are_told_apart() {
    assert_eq!(first::load(1), "first 1");
    assert_eq!(second::load(1), "second 1");
}

fn one() -> String {
    #[cached]
    fn load(id: u32) -> String {
        format!("one {id}")
    }
    load(1)
}

fn two() -> String {
    #[cached]
    fn load(id: u32) -> String {
        format!("two {id}")
    }
    load(1)
}

fn three() -> String {
    #[cached(companions = false)]
    fn load(id: u32) -> String {
        format!("three {id}")
    }
    load(1)
}

#[test]
fn functions_of_one_name_inside_of_two_functions_are_told_apart() {
    assert_eq!(
        (one(), two(), three()),
        ("one 1".into(), "two 1".into(), "three 1".into())
    );
}

#[test]
fn a_function_that_shadows_another_is_told_apart() {
    fn outer() -> (String, String) {
        #[cached]
        fn load(id: u32) -> String {
            format!("outer {id}")
        }
        let inner = {
            #[cached(companions = false)]
            fn load(id: u32) -> String {
                format!("inner {id}")
            }
            load(1)
        };
        (load(1), inner)
    }
    assert_eq!(outer(), ("outer 1".into(), "inner 1".into()));
}

struct Left;
struct Right;

impl Left {
    #[cached(skip(self))]
    pub(crate) fn name(&self) -> String {
        "left".to_owned()
    }
}

impl Right {
    #[cached(skip(self))]
    pub(crate) fn name(&self) -> String {
        "right".to_owned()
    }
}

#[test]
fn methods_of_one_name_of_two_types_are_told_apart() {
    assert_eq!((Left.name(), Right.name()), ("left".into(), "right".into()));
}
