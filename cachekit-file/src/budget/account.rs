//! What is used of the caps, as all processes know it: the file `budget`.
//!
//! ```text
//!  0  magic      "CKFB"
//!  4  version    1
//!  5  counted    1: the total is known; 0: not before the round is over
//!  6  sweep      the folder that is looked through next
//!  7  collect    the folder that the collector looks at next
//!  8  total      bytes, then entries
//! 24  next       bytes, then entries
//! 40  round
//! 48  owed       folders to look through, in parts of 1 / 2^20
//! 56  swept      how many were looked through in this round
//! 64  stamped    a bit for each folder
//! 96  checksum   XXH3-64 of bytes 0 to 96
//! ```
//!
//! The total is what all folders hold and all processes have taken as shares. A process that is killed
//! takes its share with it, so the total is built anew, round after round, while everybody goes on: `next`
//! is what the folders hold that belong to this round, and the shares that were taken in it. A folder
//! joins the round when it is stamped, under its lock; what changes in it from then on is paid with shares
//! of this round. When all are stamped, `next` is the total, and shares of the rounds before are void:
//! whoever still has one finds the stamp of another round in the folder, and takes a new one.

mod file;

use std::hash::{BuildHasher, RandomState};

use crate::head::Head;
use crate::layout::{FOLDERS, Folder};
use crate::usage::Usage;

pub(super) use file::AccountFile;

const MAGIC: [u8; 4] = *b"CKFB";
const VERSION: u8 = 1;
const LENGTH: usize = 104;

/// What a folder that is owed counts.
pub(super) const FOLDER: u64 = 1 << 20;

/// How often the folders are looked through while as much is written as a cap allows.
const SWEEPS: u64 = 2;

/// How much is owed at most: one look at every folder.
const MOST_OWED: u64 = FOLDERS as u64 * FOLDER;

/// How many folders one write looks through, at most: those of a small directory are soon read.
const MOST_AT_ONCE: u64 = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Account {
    counted: bool,
    sweep: Folder,
    /// Where the collector goes on.
    pub(super) collect: Folder,
    pub(super) total: Usage,
    pub(super) next: Usage,
    round: u64,
    owed: u64,
    swept: u64,
    stamped: [u64; FOLDERS / 64],
    /// Whether what is done now may have been done before. Then nothing is given: to be short of room
    /// for a round is better than to have given it twice. Not in the file.
    again: bool,
}

impl Account {
    /// One that knows nothing of what is there. Its round is drawn at random: nobody was in it.
    fn unknown() -> Self {
        Self {
            counted: false,
            sweep: Folder::new(0),
            collect: Folder::new(0),
            total: Usage::default(),
            next: Usage::default(),
            round: RandomState::new().hash_one("round") | 1 << 63,
            owed: 0,
            swept: 0,
            stamped: [0; FOLDERS / 64],
            again: false,
        }
    }

    pub(super) const fn round(&self) -> u64 {
        self.round
    }

    pub(super) const fn is_counted(&self) -> bool {
        self.counted
    }

    /// How much of `caps` is free.
    pub(super) fn room(&self, caps: Usage) -> Usage {
        if self.counted {
            caps.less(self.total)
        } else {
            Usage::default()
        }
    }

    /// A share of this round, of `wish`, or of what is free, but at least of `need`.
    pub(super) fn take(&mut self, need: Usage, wish: Usage, caps: Usage) -> Option<Usage> {
        let room = self.room(caps);
        if !need.is_within(room) {
            return None;
        }
        let taken = wish.at_most(room);
        self.charge(taken);
        self.owe(taken, caps);
        Some(taken)
    }

    /// What is there in this round, whether there is room or not.
    pub(super) fn charge(&mut self, usage: Usage) {
        self.total = self.total.plus(usage);
        self.next = self.next.plus(usage);
    }

    /// What was a part of `round`, as a share or in a folder, and is not any more. Of an older round, it
    /// was not counted any more either.
    pub(super) fn give(&mut self, usage: Usage, round: u64) {
        if self.again {
            return;
        }
        if round == self.round {
            self.next = self.next.less(usage);
        }
        if round == self.round || round.wrapping_add(1) == self.round {
            self.total = self.total.less(usage);
        }
    }

    /// A folder, which is locked and says `head`, joins the round with `usage`.
    pub(super) fn stamp(&mut self, folder: Folder, head: Head, usage: Usage) {
        self.give(head.usage, head.round);
        self.charge(usage);
        self.set_stamped(folder);
    }

    /// The same of one that was not there in `round`. Whoever made it since then in this round has
    /// paid for what it holds; in another round it has to be asked.
    pub(super) const fn stamp_missing(&mut self, folder: Folder, round: u64) {
        if round == self.round {
            self.set_stamped(folder);
        }
    }

    const fn set_stamped(&mut self, folder: Folder) {
        self.stamped[folder.index() / 64] |= 1 << (folder.index() % 64);
    }

    pub(super) const fn is_stamped(&self, folder: Folder) -> bool {
        self.stamped[folder.index() / 64] & (1 << (folder.index() % 64)) != 0
    }

    /// Ends the round if all folders are stamped.
    pub(super) fn end_round(&mut self) {
        if self.stamped == [u64::MAX; FOLDERS / 64] {
            self.counted = true;
            self.swept = 0;
            self.total = self.next;
            self.next = Usage::default();
            // Never 0, which is no round.
            self.round = self.round.wrapping_add(1).max(1);
            self.stamped = [0; FOLDERS / 64];
        }
    }

    /// The same of a share that was taken and not spent: nothing is owed for it either.
    pub(super) fn give_unspent(&mut self, usage: Usage, round: u64, caps: Usage) {
        self.give(usage, round);
        self.owed = self.owed.saturating_sub(owed_for(usage, caps));
    }

    /// Who takes a part of the caps owes a part of a look at every folder.
    fn owe(&mut self, taken: Usage, caps: Usage) {
        let owed = self.owed.saturating_add(owed_for(taken, caps));
        self.owed = owed.min(MOST_OWED);
    }

    /// The folders to look through now: what is owed, as far as that is `most` entries or one folder.
    pub(super) fn due(&mut self, most: u64) -> Vec<Folder> {
        let in_folder = self.total.entries / FOLDERS as u64 + 1;
        let folders = (self.owed / FOLDER).min((most / in_folder).clamp(1, MOST_AT_ONCE));
        self.owed -= folders * FOLDER;
        if self.swept >= FOLDERS as u64 {
            self.end_round();
        }
        self.swept += folders;
        (0..folders).map(|_| self.sweep.advance()).collect()
    }

    fn parse(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; LENGTH] = bytes.try_into().ok()?;
        let number = |at: usize| {
            let bytes = bytes[at..].first_chunk().expect("within the file");
            u64::from_le_bytes(*bytes)
        };
        let usage = |at| Usage {
            bytes: number(at),
            entries: number(at + 8),
        };
        let whole = bytes[..4] == MAGIC
            && bytes[4] == VERSION
            && number(96) == xxhash_rust::xxh3::xxh3_64(&bytes[..96]);
        whole.then(|| Self {
            counted: bytes[5] != 0,
            sweep: Folder::new(bytes[6]),
            collect: Folder::new(bytes[7]),
            total: usage(8),
            next: usage(24),
            round: number(40),
            owed: number(48),
            swept: number(56),
            stamped: std::array::from_fn(|index| number(64 + 8 * index)),
            again: false,
        })
    }

    fn to_bytes(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = VERSION;
        bytes[5] = u8::from(self.counted);
        bytes[6] = self.sweep.number();
        bytes[7] = self.collect.number();
        let numbers = [
            self.total.bytes,
            self.total.entries,
            self.next.bytes,
            self.next.entries,
            self.round,
            self.owed,
            self.swept,
        ];
        for (number, place) in numbers
            .iter()
            .chain(&self.stamped)
            .zip(bytes[8..96].chunks_mut(8))
        {
            place.copy_from_slice(&number.to_le_bytes());
        }
        let checksum = xxhash_rust::xxh3::xxh3_64(&bytes[..96]);
        bytes[96..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }
}

/// What is owed for a share: all folders, [`SWEEPS`] times, for all that the caps allow.
fn owed_for(share: Usage, caps: Usage) -> u64 {
    let part = |taken: u64, cap: u64| {
        let owed = u128::from(taken) * u128::from(SWEEPS * MOST_OWED);
        u64::try_from(owed.div_ceil(u128::from(cap.max(1)))).unwrap_or(MOST_OWED)
    };
    part(share.bytes, caps.bytes).max(part(share.entries, caps.entries))
}

#[cfg(test)]
mod tests;
