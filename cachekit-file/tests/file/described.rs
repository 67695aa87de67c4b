//! Values that say whose they are, so that a mixture of two shows.

use bytes::Bytes;

/// What a value says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Described {
    /// The number of the key that it was set under.
    pub(crate) key: u64,
    /// Differs between the values of a key.
    pub(crate) version: u64,
}

impl Described {
    /// The value, of `length` bytes, or as many as it needs: what it says, again and again, so that
    /// each part of it says so.
    pub(crate) fn value(self, length: usize) -> Bytes {
        let head = self.head(length);
        let length = length.max(head.len());
        let mut value = head.repeat(length.div_ceil(head.len())).into_bytes();
        value.truncate(length);
        value.into()
    }

    fn head(self, length: usize) -> String {
        format!("[{} {} {length}]", self.key, self.version)
    }

    /// What `value` says; `None` if it is not, to the last byte, one that was made by
    /// [`value`](Self::value).
    pub(crate) fn read(value: &[u8]) -> Option<Self> {
        let head = value
            .strip_prefix(b"[")?
            .split(|byte| *byte == b']')
            .next()?;
        let mut numbers = std::str::from_utf8(head).ok()?.split(' ');
        let mut number = || numbers.next()?.parse().ok();
        let (key, version, length) = (number()?, number()?, number()?);
        let described = Self { key, version };
        let length = usize::try_from(length).ok()?;
        (value == described.value(length)).then_some(described)
    }
}

#[test]
fn a_value_is_read_as_it_was_described_and_no_mixture_is() {
    let one = Described { key: 7, version: 1 };
    let other = Described { key: 7, version: 2 };
    for length in [0, 10, 1_000, 100_000] {
        let (first, second) = (one.value(length), other.value(length));
        assert_eq!(Described::read(&first), Some(one));
        for cut in (1..first.len()).step_by(1 + first.len() / 100) {
            let mixed = [&first[..cut], &second[cut..]].concat();
            assert!(mixed == first || mixed == second || Described::read(&mixed).is_none());
            assert_eq!(Described::read(&first[..cut]), None);
        }
    }
}
