//! What is stored.

use std::collections::HashMap;

use super::expiry::Expiry;

/// What memcached needs for an item beside its key and its value, without and with a CAS number and
/// client flags.
const HEADER: usize = 51;
const CAS: usize = 8;
const CLIENT_FLAGS: usize = 4;

#[derive(Debug)]
pub(super) struct Items {
    by_key: HashMap<Vec<u8>, Item>,
    item_size_max: usize,
    /// `None`: none are counted.
    last_cas: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Item {
    pub(super) value: Vec<u8>,
    pub(super) client_flags: u32,
    pub(super) expiry: Expiry,
    pub(super) cas: u64,
    pub(super) stale: bool,
    /// Whether a reader was told that it is the one who computes.
    pub(super) led: bool,
    /// Whether its key was written in base64.
    pub(super) base64: bool,
}

/// What a write may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    Set,
    Add,
    Replace,
    Append,
    Prepend,
}

/// A write.
pub(super) struct Write {
    pub(super) item: Item,
    pub(super) mode: Mode,
    pub(super) cas: Option<u64>,
    /// Whether an item with a larger CAS number may be replaced, by one that is stale.
    pub(super) stale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// With this CAS number.
    Stored(u64),
    NotStored,
    Exists,
    NotFound,
}

/// How the CAS number that a write gives is to that of the item.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Compared {
    NoneGiven,
    Equal,
    Smaller,
    Larger,
}

impl Items {
    pub(super) fn new(counts_cas: bool, item_size_max: usize) -> Self {
        Self {
            by_key: HashMap::new(),
            item_size_max,
            last_cas: counts_cas.then_some(0),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The item of `key`, unless it is over at `now`.
    pub(super) fn get(&mut self, key: &[u8], now: u64) -> Option<&mut Item> {
        let item = self.by_key.get(key)?;
        if item.expiry.is_some_and(|expiry| expiry <= now) {
            self.by_key.remove(key);
        }
        self.by_key.get_mut(key)
    }

    /// Stores `item`, and returns its CAS number.
    pub(super) fn put(&mut self, key: &[u8], mut item: Item) -> u64 {
        item.cas = self.next_cas();
        let cas = item.cas;
        self.by_key.insert(key.to_vec(), item);
        cas
    }

    pub(super) fn remove(&mut self, key: &[u8], now: u64) -> bool {
        self.get(key, now).is_some() && self.by_key.remove(key).is_some()
    }

    /// The number of the next write; 0 where none are counted.
    pub(super) fn next_cas(&mut self) -> u64 {
        self.last_cas.as_mut().map_or(0, |last| {
            *last += 1;
            *last
        })
    }

    /// Whether there is room for a value of `len` bytes.
    pub(super) fn fits(&self, key: &[u8], client_flags: u32, len: usize) -> bool {
        let cas = if self.last_cas.is_some() { CAS } else { 0 };
        let client_flags = if client_flags == 0 { 0 } else { CLIENT_FLAGS };
        HEADER + cas + client_flags + key.len() + len <= self.item_size_max
    }

    /// Carries out `write`, which [fits](Self::fits).
    pub(super) fn write(&mut self, key: &[u8], write: Write, now: u64) -> Outcome {
        let counts = self.last_cas.is_some();
        let Some(old) = self.get(key, now).cloned() else {
            return match (write.mode, write.cas) {
                (Mode::Set | Mode::Replace, Some(_)) => Outcome::NotFound,
                (Mode::Set | Mode::Add, _) => Outcome::Stored(self.put(key, write.item)),
                _ => Outcome::NotStored,
            };
        };
        let compared = compare(write.cas.filter(|_| counts), old.cas);
        match (write.mode, compared) {
            (Mode::Add, _) => Outcome::NotStored,
            (Mode::Set | Mode::Replace, Compared::Equal) => {
                Outcome::Stored(self.put(key, write.item))
            }
            (Mode::Set | Mode::Replace, Compared::NoneGiven) if write.cas.is_none() => {
                Outcome::Stored(self.put(key, write.item))
            }
            (Mode::Set | Mode::Replace, Compared::Smaller) if write.stale => {
                let item = Item {
                    expiry: old.expiry,
                    stale: true,
                    led: old.led,
                    ..write.item
                };
                Outcome::Stored(self.put(key, item))
            }
            (Mode::Append | Mode::Prepend, Compared::Equal | Compared::NoneGiven) => {
                self.extend(key, old, write)
            }
            _ => Outcome::Exists,
        }
    }

    /// Makes another item of `old`, with more in it.
    fn extend(&mut self, key: &[u8], old: Item, write: Write) -> Outcome {
        let added = write.item.value;
        let value = match write.mode {
            Mode::Prepend => [added, old.value].concat(),
            _ => [old.value, added].concat(),
        };
        if !self.fits(key, old.client_flags, value.len()) {
            return Outcome::NotStored;
        }
        let item = Item {
            value,
            client_flags: old.client_flags,
            expiry: old.expiry,
            ..Item::default()
        };
        Outcome::Stored(self.put(key, item))
    }
}

fn compare(given: Option<u64>, stored: u64) -> Compared {
    match given {
        None | Some(0) => Compared::NoneGiven,
        Some(given) if given == stored => Compared::Equal,
        Some(given) if given < stored => Compared::Smaller,
        Some(_) => Compared::Larger,
    }
}
