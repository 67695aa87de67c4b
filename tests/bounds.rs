//! Where the types of a function do not fit, the error is at the type, and says what to do.

#[test]
fn types_that_do_not_fit_are_explained() {
    trybuild::TestCases::new().compile_fail("tests/bounds/*.rs");
}
