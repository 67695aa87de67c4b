//! What the tests of all policies need.

pub(in crate::policy) mod model;
