//! One command of a sequence.

use std::fmt;

/// A command on one of a few keys. Its text has `KEY` for the key, and `CAS` or `OLD` for the CAS
/// numbers that were seen last for the key, and before that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) key: String,
    pub(crate) text: String,
}

impl Step {
    pub(crate) fn new(key: &str, text: impl Into<String>) -> Self {
        Self {
            key: key.to_owned(),
            text: text.into(),
        }
    }

    /// The command as it is sent.
    pub(crate) fn command(&self, key: &str, (cas, old): (u64, u64)) -> String {
        let text = self.text.replace("CAS", &cas.to_string());
        text.replace("OLD", &old.to_string()).replace("KEY", key)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text.replace("KEY", &self.key))
    }
}

/// The CAS number that `reply` tells: as `c`, or behind the length of a value.
pub(crate) fn told_cas(reply: &str) -> Option<u64> {
    let mut words = reply.lines().next()?.split(' ');
    if words.next()? == "VALUE" {
        return words.nth(3)?.parse().ok();
    }
    words.find_map(|word| word.strip_prefix('c')?.parse().ok())
}
