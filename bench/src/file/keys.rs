//! Keys, and values that say whose they are.

use bytes::Bytes;

use crate::Failed;

/// Where the value says which key it is of.
const STAMP: usize = 8;

/// A key, and the file that a limit keeps for it.
#[derive(Clone, Debug)]
pub(super) struct Key {
    pub(super) number: u64,
    /// 30 bytes.
    pub(super) text: String,
    /// `hh/<64 hex digits>`, as the names of our entries are.
    pub(super) path: String,
}

impl Key {
    pub(super) fn of(number: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(number);
        let name: String = (0..4).map(|_| format!("{:016x}", random.u64(..))).collect();
        Self {
            number,
            text: format!("user:profile:{number:017}"),
            path: format!("{}/{name}", &name[..2]),
        }
    }
}

/// Values of one size, no two of which are the same: a store may keep equal ones only once. They
/// cannot be compressed.
#[derive(Debug)]
pub(super) struct Values {
    filling: Vec<u8>,
    random: fastrand::Rng,
}

impl Values {
    /// Of `size` bytes, at least 16.
    pub(super) fn new(size: usize) -> Self {
        let mut random = fastrand::Rng::new();
        let mut filling = vec![0; size];
        random.fill(&mut filling);
        Self { filling, random }
    }

    /// One for `key`.
    pub(super) fn next(&mut self, key: &Key) -> Bytes {
        let mut value = self.filling.clone();
        value[..STAMP].copy_from_slice(&key.number.to_le_bytes());
        value[STAMP..2 * STAMP].copy_from_slice(&self.random.u64(..).to_le_bytes());
        Bytes::from(value)
    }
}

/// Whether there is a `value`; an error if it is not one of `key` with `size` bytes.
pub(super) fn check(
    key: &Key,
    value: Option<impl AsRef<[u8]>>,
    size: usize,
) -> Result<bool, Failed> {
    let Some(value) = value else { return Ok(false) };
    let value = value.as_ref();
    if value.len() == size && value.starts_with(&key.number.to_le_bytes()) {
        return Ok(true);
    }
    Err(format!(
        "{} bytes that are not the value of {}",
        value.len(),
        key.text
    )
    .into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_that_of_its_key_and_of_no_other() {
        let mut values = Values::new(300);
        let (one, other) = (Key::of(1), Key::of(2));
        let value = values.next(&one);
        assert!(check(&one, Some(&value), 300).unwrap());
        assert!(!check(&one, None::<Bytes>, 300).unwrap());
        check(&other, Some(&value), 300).unwrap_err();
        check(&one, Some(&value[..299]), 300).unwrap_err();
        assert_ne!(values.next(&one), value, "no two are the same");
    }

    #[test]
    fn keys_have_30_bytes_and_files_of_their_own() {
        let (one, other) = (Key::of(7), Key::of(8));
        assert_eq!(one.text.len(), 30);
        assert_eq!(one.path.len(), "hh/".len() + 64);
        assert_ne!(one.path, other.path);
    }
}
