//! What a folder holds, as its lock file begins.
//!
//! ```text
//!  0  magic      "CKFF"
//!  4  version    1
//!  5  reserved   0, 0, 0
//!  8  bytes      disk that the entries and the spare occupy
//! 16  entries    how many there are
//! 24  changes    counts every change, so that who looked without the lock knows if he saw one state
//! 32  round      which round of the budget these counts are a part of; 0: of none yet
//! 40  reserved   zeros
//! 56  checksum   XXH3-64 of bytes 0 to 56
//! ```

use crate::usage::Usage;

const MAGIC: [u8; 4] = *b"CKFF";
const VERSION: u8 = 1;

/// The length of the head, behind which the leads begin.
pub(crate) const HEAD: usize = 64;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) usage: Usage,
    pub(crate) changes: u64,
    pub(crate) round: u64,
}

impl Head {
    /// What the first bytes of a lock file say; `None` if they are not a whole head.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let head: &[u8; HEAD] = bytes.first_chunk()?;
        let number = |at: usize| {
            let bytes = head[at..].first_chunk().expect("within the head");
            u64::from_le_bytes(*bytes)
        };
        let whole = head[..4] == MAGIC
            && head[4] == VERSION
            && number(56) == xxhash_rust::xxh3::xxh3_64(&head[..56]);
        whole.then(|| Self {
            usage: Usage {
                bytes: number(8),
                entries: number(16),
            },
            changes: number(24),
            round: number(32),
        })
    }

    pub(crate) fn to_bytes(self) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[..4].copy_from_slice(&MAGIC);
        head[4] = VERSION;
        head[8..16].copy_from_slice(&self.usage.bytes.to_le_bytes());
        head[16..24].copy_from_slice(&self.usage.entries.to_le_bytes());
        head[24..32].copy_from_slice(&self.changes.to_le_bytes());
        head[32..40].copy_from_slice(&self.round.to_le_bytes());
        let checksum = xxhash_rust::xxh3::xxh3_64(&head[..56]);
        head[56..].copy_from_slice(&checksum.to_le_bytes());
        head
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written_and_not_when_a_byte_differs() {
        let head = Head {
            usage: Usage {
                bytes: 8_192,
                entries: 2,
            },
            changes: 7,
            round: 3,
        };
        let bytes = head.to_bytes();
        assert_eq!(Head::parse(&bytes), Some(head));
        for at in 0..HEAD {
            let mut damaged = bytes;
            damaged[at] ^= 1;
            assert_eq!(Head::parse(&damaged), None, "at {at}");
            assert_eq!(Head::parse(&bytes[..at]), None);
        }
    }
}
