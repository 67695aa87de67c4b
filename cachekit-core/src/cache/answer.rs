//! Whether what a function has returned is a success, found by method resolution as
//! [`Kind`](crate::cache::Kind) is.

use std::fmt;

/// Runs `body`, which may hand out what it has captured: a closure that is called where it stands
/// may not.
#[inline]
pub fn once<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// A returned value, to ask for what it holds: `(&&Answer::new(&returned)).value()`.
pub struct Answer<'a, R>(&'a R);

impl<'a, R> Answer<'a, R> {
    /// Asks `returned`.
    #[inline]
    #[must_use]
    pub const fn new(returned: &'a R) -> Self {
        Self(returned)
    }
}

impl<R> fmt::Debug for Answer<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Answer")
    }
}

/// A `Result`.
pub trait OfFallible<'a> {
    /// What is in the `Ok`.
    type Value;
    /// What is in the `Ok`, if it is one.
    fn value(&self) -> Option<&'a Self::Value>;
}

impl<'a, V, E> OfFallible<'a> for &Answer<'a, Result<V, E>> {
    type Value = V;

    #[inline]
    fn value(&self) -> Option<&'a V> {
        self.0.as_ref().ok()
    }
}

/// Any other value.
pub trait OfAnything<'a> {
    /// The value itself.
    type Value;
    /// The value itself.
    fn value(&self) -> Option<&'a Self::Value>;
}

impl<'a, R> OfAnything<'a> for Answer<'a, R> {
    type Value = R;

    #[inline]
    fn value(&self) -> Option<&'a R> {
        Some(self.0)
    }
}

#[cfg(test)]
#[expect(
    clippy::needless_borrow,
    reason = "written as the macro writes it, for every type alike"
)]
mod tests {
    use super::*;

    type Fallible<T> = Result<T, String>;

    #[test]
    fn a_result_has_a_value_where_it_is_ok() {
        let ok: Fallible<u8> = Ok(1);
        assert_eq!((&&Answer::new(&ok)).value(), Some(&1));
        let err: Fallible<u8> = Err("no".to_owned());
        assert_eq!((&&Answer::new(&err)).value(), None);
    }

    #[test]
    fn anything_else_is_a_value_itself() {
        assert_eq!((&&Answer::new(&None::<u8>)).value(), Some(&None));
        assert_eq!((&&Answer::new(&())).value(), Some(&()));
    }
}
