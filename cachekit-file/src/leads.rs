//! Who leads which keys of a folder: slots of [`SLOT`] bytes behind the head of its lock file.
//!
//! ```text
//!  0  key       the digest of the key
//! 32  owner     of the lead: a backend, see the owners
//! 40  number    of the lead among those of its owner
//! 48  until     unix time in ms
//! 56  checksum  XXH3-64 of bytes 0 to 56
//! ```
//!
//! A slot that is not whole is free: a lead that is lost there is superseded, and nobody waits for
//! it. So is one whose time has passed. The slot of a lead is freed before what supersedes it is
//! done: whoever dies in between has taken a lead away, and nothing worse.

use cachekit_core::backend::Token;

use crate::layout::Digest;

pub(crate) const SLOT: usize = 64;

/// A table of more slots gives those at its end back once they are free.
const KEPT: usize = 15;

/// A table has at most so many bytes: 16,384 slots. One more lead takes the place of the first.
pub(crate) const LONGEST: usize = 16_384 * SLOT;

/// One who computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Leader {
    pub(crate) owner: u64,
    pub(crate) number: u64,
    /// Unix time in ms.
    pub(crate) until: u64,
}

impl Leader {
    pub(crate) fn token(self) -> Token {
        let token = [self.owner.to_le_bytes(), self.number.to_le_bytes()];
        Token::new(token.concat())
    }

    pub(crate) fn has(self, token: &Token) -> bool {
        token
            .as_bytes()
            .split_at_checked(8)
            .is_some_and(|(owner, number)| {
                owner == self.owner.to_le_bytes() && number == self.number.to_le_bytes()
            })
    }
}

/// What is to be written at a place among the slots, which may lie behind their end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) at: usize,
    pub(crate) slot: [u8; SLOT],
}

/// The slots, as they are in the file.
#[derive(Debug, Default)]
pub(crate) struct Leads(Vec<u8>);

impl Leads {
    /// The slots in `bytes`, of which a last one may be torn.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let whole = bytes.len() - bytes.len() % SLOT;
        Self(bytes[..whole].to_vec())
    }

    fn slots(&self) -> impl DoubleEndedIterator<Item = (usize, &[u8])> + ExactSizeIterator {
        let slots = self.0.chunks_exact(SLOT);
        slots.enumerate().map(|(index, slot)| (index * SLOT, slot))
    }

    /// Who leads the key, or led it until its time had passed.
    pub(crate) fn leader(&self, key: &Digest) -> Option<Leader> {
        let of_key = self.slots().filter(|(_, slot)| slot[..32] == key[..]);
        of_key.filter_map(|(_, slot)| parse(slot)).next()
    }

    /// Notes that `leader` leads the key: over what the key has, else over the first slot that is
    /// free at `now`, else at the end of a table that may grow.
    pub(crate) fn put(&mut self, key: &Digest, leader: Leader, now: u64) -> Change {
        let own = self.slots().find(|(_, slot)| slot[..32] == key[..]);
        let free = || self.slots().find(|(_, slot)| is_free(slot, now));
        let end = if self.0.len() < LONGEST {
            self.0.len()
        } else {
            0
        };
        let at = own.or_else(free).map_or(end, |(at, _)| at);
        let slot = spell(key, leader);
        if at == self.0.len() {
            self.0.extend_from_slice(&slot);
        } else {
            self.0[at..at + SLOT].copy_from_slice(&slot);
        }
        Change { at, slot }
    }

    /// Frees the slot of the key; `None` if it has none.
    pub(crate) fn take(&mut self, key: &Digest) -> Option<Change> {
        let (at, _) = self.slots().find(|(_, slot)| slot[..32] == key[..])?;
        self.0[at..at + SLOT].fill(0);
        Some(Change {
            at,
            slot: [0; SLOT],
        })
    }

    /// Drops what is free at the end of a long table: its new length, where that is another.
    pub(crate) fn shrink(&mut self, now: u64) -> Option<usize> {
        let last = self.slots().rev().find(|(_, slot)| !is_free(slot, now));
        let end = last.map_or(0, |(at, _)| at + SLOT);
        let shorter = self.0.len() > KEPT * SLOT && end < self.0.len();
        shorter.then(|| {
            self.0.truncate(end);
            end
        })
    }
}

fn spell(key: &Digest, leader: Leader) -> [u8; SLOT] {
    let mut slot = [0; SLOT];
    slot[..32].copy_from_slice(key);
    slot[32..40].copy_from_slice(&leader.owner.to_le_bytes());
    slot[40..48].copy_from_slice(&leader.number.to_le_bytes());
    slot[48..56].copy_from_slice(&leader.until.to_le_bytes());
    let checksum = xxhash_rust::xxh3::xxh3_64(&slot[..56]);
    slot[56..].copy_from_slice(&checksum.to_le_bytes());
    slot
}

fn parse(slot: &[u8]) -> Option<Leader> {
    let number = |at: usize| {
        let bytes = slot[at..].first_chunk().expect("within the slot");
        u64::from_le_bytes(*bytes)
    };
    let whole = number(56) == xxhash_rust::xxh3::xxh3_64(&slot[..56]);
    whole.then(|| Leader {
        owner: number(32),
        number: number(40),
        until: number(48),
    })
}

fn is_free(slot: &[u8], now: u64) -> bool {
    parse(slot).is_none_or(|leader| leader.until <= now)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000;

    fn key(number: u8) -> Digest {
        [number; 32]
    }

    fn leader(number: u64) -> Leader {
        Leader {
            owner: 7,
            number,
            until: NOW + number,
        }
    }

    fn full(count: u8) -> Leads {
        let mut leads = Leads::default();
        for number in 1..=count {
            leads.put(&key(number), leader(u64::from(number)), NOW);
        }
        leads
    }

    #[test]
    fn a_leader_is_found_as_it_was_noted_until_it_is_taken() {
        let mut leads = full(3);
        let read = Leads::new(&leads.0);
        assert_eq!(read.leader(&key(2)), Some(leader(2)));
        assert_eq!(leads.take(&key(2)).unwrap().at, SLOT);
        assert_eq!(leads.leader(&key(2)), None);
        assert_eq!(leads.take(&key(2)), None);
        assert_eq!(leads.leader(&key(3)), Some(leader(3)));
    }

    #[test]
    fn a_free_slot_is_used_before_the_table_grows() {
        let mut leads = full(3);
        leads.take(&key(2));
        assert_eq!(leads.put(&key(9), leader(9), NOW).at, SLOT);
        assert_eq!(leads.put(&key(8), leader(8), NOW).at, 3 * SLOT);
        assert_eq!(leads.put(&key(7), leader(7), NOW + 1).at, 0, "over by then");
    }

    #[test]
    fn a_table_that_is_full_gives_the_place_of_its_first_lead() {
        let mut leads = full(2);
        leads.0 = leads.0.repeat(LONGEST / leads.0.len());
        assert_eq!(leads.put(&key(9), leader(9), NOW).at, 0);
        assert_eq!(leads.leader(&key(9)), Some(leader(9)));
        assert_eq!(leads.0.len(), LONGEST);
    }

    #[test]
    fn every_change_of_one_byte_frees_a_slot_or_makes_it_another_keys() {
        let whole = full(1);
        for at in 0..SLOT {
            let mut changed = Leads::new(&whole.0);
            changed.0[at] ^= 0x80;
            assert_eq!(changed.leader(&key(1)), None);
            assert!(is_free(&changed.0, NOW));
        }
    }

    #[test]
    fn a_torn_end_is_not_a_slot() {
        let whole = full(2);
        for length in SLOT..2 * SLOT {
            let mut torn = Leads::new(&whole.0[..length]);
            assert_eq!(torn.leader(&key(2)), None);
            assert_eq!(torn.put(&key(2), leader(2), NOW).at, SLOT);
        }
    }

    #[test]
    fn a_long_table_gives_back_what_is_free_at_its_end() {
        let mut leads = full(40);
        assert_eq!(leads.shrink(NOW), None);
        leads.take(&key(40));
        assert_eq!(leads.shrink(NOW), Some(39 * SLOT));
        assert_eq!(leads.shrink(NOW + 100), Some(0), "all are over by then");
        assert_eq!(full(10).shrink(NOW + 100), None, "short enough to stay");
    }

    #[test]
    fn a_token_belongs_to_one_leader() {
        let token = leader(1).token();
        assert!(leader(1).has(&token));
        assert!(!leader(2).has(&token));
        for other in [&b""[..], b"short", &[0; 17]] {
            assert!(!leader(1).has(&Token::new(other.to_vec())));
        }
    }
}
