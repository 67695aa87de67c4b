//! The token of the one who computes.

use cachekit_core::backend::Token;
use cachekit_core::error::{Error, ErrorKind, Result};

/// What a [`Token`] of this backend says: which item of which run of which node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lead {
    pub(super) over: Over,
    pub(super) node: usize,
    pub(super) run: u64,
    pub(super) cas: u64,
}

/// What was there when the lead was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    /// Nothing: a stub stands in its place.
    Stub,
    /// An item marked as stale.
    Stale,
    /// A fresh item with little time left.
    Fresh,
}

const LEN: usize = 21;

impl Lead {
    pub(super) fn to_token(self) -> Token {
        let mut bytes = Vec::with_capacity(LEN);
        bytes.push(match self.over {
            Over::Stub => 0,
            Over::Stale => 1,
            Over::Fresh => 2,
        });
        // A configuration of more than four billion servers does not fit into memory.
        bytes.extend_from_slice(&u32::try_from(self.node).unwrap_or(u32::MAX).to_le_bytes());
        bytes.extend_from_slice(&self.run.to_le_bytes());
        bytes.extend_from_slice(&self.cas.to_le_bytes());
        Token::new(bytes)
    }

    /// # Errors
    /// [`ErrorKind::InvalidInput`] if another backend made the token.
    pub(super) fn of(token: &Token) -> Result<Self> {
        Self::read(token.as_bytes()).ok_or_else(|| {
            let detail = "the token of another backend";
            Error::with_detail(ErrorKind::InvalidInput, "memcached lead", detail)
        })
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.len() != LEN {
            return None;
        }
        let (over, rest) = bytes.split_first()?;
        let (node, rest) = rest.split_first_chunk()?;
        let (run, rest) = rest.split_first_chunk()?;
        let (cas, _) = rest.split_first_chunk()?;
        let over = match over {
            0 => Over::Stub,
            1 => Over::Stale,
            2 => Over::Fresh,
            _ => return None,
        };
        Some(Self {
            over,
            node: usize::try_from(u32::from_le_bytes(*node)).ok()?,
            run: u64::from_le_bytes(*run),
            cas: u64::from_le_bytes(*cas),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_read_back() {
        for over in [Over::Stub, Over::Stale, Over::Fresh] {
            let lead = Lead {
                over,
                node: 3,
                run: u64::MAX,
                cas: 1 << 40,
            };
            assert_eq!(Lead::of(&lead.to_token()).unwrap(), lead);
        }
    }

    #[test]
    fn the_token_of_another_backend_is_an_error() {
        for bytes in [vec![], vec![0; LEN - 1], vec![9; LEN], vec![0; LEN + 1]] {
            let error = Lead::of(&Token::new(bytes)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput);
        }
    }
}
