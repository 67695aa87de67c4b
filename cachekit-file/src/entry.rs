//! The bytes of a file. All numbers are little endian.
//!
//! ```text
//!  0  magic      "CKFE"
//!  4  version    1
//!  5  flags      0, 0, 0; a flag that is not known is a version that is not known
//!  8  checksum   XXH3-64 of the value, seeded with the XXH3-64 of bytes 20 to the end of the key
//! 16  mark       the low half of the checksum: fresh; anything else: stale
//! 20  key        length of the key in bytes
//! 24  value      length of the value in bytes
//! 32  written    unix time in ms
//! 40  expires    unix time in ms; all bits set: never
//! 48  key, then value, then the end of the file
//! ```
//!
//! The seed joins two hashes that are each made at one go: neither does a write put head and value
//! together for it, nor a read, nor does one pay for a hash that can be fed piece by piece.
//!
//! The mark is the one thing that changes in a file that has its name: expiring overwrites it in
//! place. What is fresh is spelled by one word, which belongs to this very content: where a reader
//! catches a file that is being written anew, the mark of one content never makes another fresh,
//! and a damaged mark can only turn a fresh entry into a stale one.

use std::time::Duration;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const MAGIC: [u8; 4] = *b"CKFE";
const VERSION: u8 = 1;
pub(crate) const HEADER: usize = 48;

/// Where the mark is.
pub(crate) const MARK_AT: u64 = 16;

/// Where that begins which the checksum covers. What is before is compared, or is the mark.
const COVERED_AT: usize = 20;

/// `expires` of an entry that does not go by itself.
pub(crate) const NEVER: u64 = u64::MAX;

/// A clock that was set back makes entries look as if they came from the future. More than this
/// is not a difference between the clocks of two machines, and their age cannot be told.
const SKEW_MS: u64 = 1_000;

/// When an entry was written, and until when it is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) written: u64,
    pub(crate) expires: u64,
}

impl Times {
    pub(crate) fn is_over(self, now: u64) -> bool {
        self.expires <= now || self.written > now.saturating_add(SKEW_MS)
    }

    pub(crate) fn left(self, now: u64) -> Duration {
        if self.expires == NEVER {
            Duration::MAX
        } else {
            Duration::from_millis(self.expires.saturating_sub(now))
        }
    }
}

/// What a file begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Header {
    /// The header of an entry of this version, if its checksum agrees.
    Entry(Claim),
    /// Written by another release, which may still want it.
    Foreign,
    /// Not an entry.
    Damaged,
}

impl Header {
    /// Reads the header of a file that begins with `bytes`.
    pub(crate) fn read(bytes: &[u8]) -> Self {
        let Some(header) = bytes.first_chunk::<HEADER>() else {
            return Self::Damaged;
        };
        if header[..4] != MAGIC {
            return Self::Damaged;
        }
        if header[4..8] != [VERSION, 0, 0, 0] {
            return Self::Foreign;
        }
        Self::Entry(Claim {
            checksum: long(header, 8),
            mark: word(header, 16),
            key: word(header, 20),
            value: long(header, 24),
            times: Times {
                written: long(header, 32),
                expires: long(header, 40),
            },
        })
    }
}

/// What the header of an entry says, as long as nobody compared the checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    checksum: u64,
    mark: u32,
    key: u32,
    value: u64,
    pub(crate) times: Times,
}

impl Claim {
    pub(crate) const fn is_stale(&self) -> bool {
        self.mark != fresh(self.checksum)
    }

    /// The mark that makes the entry stale, also one that is stale already.
    pub(crate) const fn stale_mark(&self) -> [u8; 4] {
        (!fresh(self.checksum)).to_le_bytes()
    }

    /// The length of header and key, behind which the value begins.
    pub(crate) const fn head_length(&self) -> usize {
        HEADER.saturating_add(self.key as usize)
    }

    /// The length of the value.
    pub(crate) const fn value_length(&self) -> u64 {
        self.value
    }

    /// The length of the file.
    pub(crate) const fn length(&self) -> u64 {
        self.value.saturating_add(self.head_length() as u64)
    }

    /// Whether `head`, the header and the key, and `value` are what they were when they were
    /// written.
    pub(crate) fn is_true(&self, head: &[u8], value: &[u8]) -> bool {
        head.len() == self.head_length()
            && value.len() as u64 == self.value
            && checksum(head, value) == self.checksum
    }

    /// The key and the value in the bytes of a whole file, if they are what they were when they
    /// were written.
    pub(crate) fn split<'a>(&self, file: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
        let (head, value) = file.split_at_checked(self.head_length())?;
        self.is_true(head, value).then(|| (&head[HEADER..], value))
    }
}

/// What a file begins with that holds `value`: everything but the value.
pub(crate) fn head(key: &str, value: &[u8], times: Times) -> Vec<u8> {
    let key_length = u32::try_from(key.len()).expect("a key is shorter than 4 GiB");
    let mut head = Vec::with_capacity(HEADER + key.len());
    head.extend_from_slice(&MAGIC);
    head.extend_from_slice(&[VERSION, 0, 0, 0]);
    head.extend_from_slice(&[0; COVERED_AT - 8]);
    head.extend_from_slice(&key_length.to_le_bytes());
    head.extend_from_slice(&(value.len() as u64).to_le_bytes());
    head.extend_from_slice(&times.written.to_le_bytes());
    head.extend_from_slice(&times.expires.to_le_bytes());
    head.extend_from_slice(key.as_bytes());
    let checksum = checksum(&head, value);
    head[8..16].copy_from_slice(&checksum.to_le_bytes());
    head[16..COVERED_AT].copy_from_slice(&fresh(checksum).to_le_bytes());
    head
}

/// The mark of a fresh entry: half of the checksum.
#[expect(clippy::cast_possible_truncation, reason = "the low half is meant")]
const fn fresh(checksum: u64) -> u32 {
    checksum as u32
}

fn checksum(head: &[u8], value: &[u8]) -> u64 {
    xxh3_64_with_seed(value, xxh3_64(&head[COVERED_AT..]))
}

fn word(header: &[u8; HEADER], at: usize) -> u32 {
    u32::from_le_bytes(*header[at..].first_chunk().expect("within the header"))
}

fn long(header: &[u8; HEADER], at: usize) -> u64 {
    u64::from_le_bytes(*header[at..].first_chunk().expect("within the header"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMES: Times = Times {
        written: 1_000,
        expires: 61_000,
    };
    const KEY: &str = "app:profile:1b00:42";

    fn file(key: &str, value: &[u8], times: Times) -> Vec<u8> {
        [head(key, value, times), value.to_vec()].concat()
    }

    fn stale(mut file: Vec<u8>) -> Vec<u8> {
        let Header::Entry(claim) = Header::read(&file) else {
            panic!("no entry")
        };
        file[16..20].copy_from_slice(&claim.stale_mark());
        file
    }

    /// Everything that a reader is told by a file.
    #[derive(Debug, PartialEq, Eq)]
    struct Told {
        key: Vec<u8>,
        value: Vec<u8>,
        times: Times,
        stale: bool,
    }

    fn read(file: &[u8]) -> Option<Told> {
        let Header::Entry(claim) = Header::read(file) else {
            return None;
        };
        let (key, value) = claim.split(file)?;
        Some(Told {
            key: key.to_vec(),
            value: value.to_vec(),
            times: claim.times,
            stale: claim.is_stale(),
        })
    }

    #[test]
    fn an_entry_is_read_as_it_was_written() {
        for value in [&b""[..], b"v", &[0xff; 10_000]] {
            for key in ["", KEY] {
                let file = file(key, value, TIMES);
                let mut told = Told {
                    key: key.as_bytes().to_vec(),
                    value: value.to_vec(),
                    times: TIMES,
                    stale: false,
                };
                assert_eq!(read(&file).unwrap(), told);
                told.stale = true;
                let file = stale(file);
                assert_eq!(read(&file).unwrap(), told);
                assert_eq!(read(&stale(file)).unwrap(), told, "expired twice");
            }
        }
    }

    #[test]
    fn every_change_of_one_byte_is_a_miss_or_makes_it_stale() {
        for value in [&b"a value"[..], b"", &[7; 300]] {
            let whole = file(KEY, value, TIMES);
            for at in 0..whole.len() {
                for flip in 1..=255 {
                    let mut changed = whole.clone();
                    changed[at] ^= flip;
                    if let Some(told) = read(&changed) {
                        assert!((16..20).contains(&at), "only the mark may change, at {at}");
                        assert!(told.stale);
                        assert_eq!(told.value, value);
                    }
                }
            }
        }
    }

    #[test]
    fn no_change_of_one_byte_makes_a_stale_entry_fresh() {
        let whole = stale(file(KEY, b"a value", TIMES));
        for at in 0..whole.len() {
            for flip in 0..=255 {
                let mut changed = whole.clone();
                changed[at] ^= flip;
                assert!(read(&changed).is_none_or(|told| told.stale), "at {at}");
            }
        }
    }

    #[test]
    fn every_truncation_and_every_tail_is_a_miss() {
        for whole in [
            file(KEY, b"a value", TIMES),
            file(KEY, &[0; 40], TIMES),
            file("k", &[1; 600], TIMES),
        ] {
            for length in 0..whole.len() {
                assert_eq!(read(&whole[..length]), None);
                let mut nulled = whole.clone();
                nulled[length..].fill(0);
                // Of a value that ends in zeros, those that were lost are there.
                assert!(nulled == whole || read(&nulled).is_none(), "from {length}");
            }
            for tail in [&b"x"[..], &[0], &[0; 4_096]] {
                assert_eq!(read(&[&whole[..], tail].concat()), None);
            }
        }
        assert_eq!(read(&[0; 4_096]), None);
    }

    /// Contents that follow each other in one file: other keys, values and lengths; the same
    /// once again, later and at the same moment; each fresh and stale.
    fn contents() -> Vec<Vec<u8>> {
        let later = Times {
            written: 1_001,
            expires: 61_001,
        };
        let mut contents = vec![
            file(KEY, b"a value", TIMES),
            file(KEY, b"a value", later),
            file(KEY, b"another", TIMES),
            file(KEY, b"a value that is longer", TIMES),
            file(KEY, b"", TIMES),
            file("app:profile:1b00:43", b"a value", TIMES),
            file("k", &[b'x'; 300], TIMES),
        ];
        let stale: Vec<_> = contents.iter().cloned().map(stale).collect();
        contents.extend(stale);
        contents
    }

    fn pairs() -> Vec<(Vec<u8>, Vec<u8>)> {
        let all = contents();
        let with_all = |one: &Vec<u8>| {
            all.iter()
                .map(|other| (one.clone(), other.clone()))
                .collect::<Vec<_>>()
        };
        all.iter().flat_map(with_all).collect()
    }

    #[test]
    fn a_mixture_of_two_contents_is_one_of_them_or_a_miss() {
        for (old, new) in pairs() {
            let wholes = [read(&old).unwrap(), read(&new).unwrap()];
            for cut in 0..=old.len().max(new.len()) {
                let ((old_start, old_end), (new_start, new_end)) = (
                    old.split_at(cut.min(old.len())),
                    new.split_at(cut.min(new.len())),
                );
                for mixed in [[new_start, old_end].concat(), [old_start, new_end].concat()] {
                    let Some(told) = read(&mixed) else { continue };
                    // Of one content with two marks, a cut in the mark leaves neither of them.
                    let torn_mark = told.stale && (17..20).contains(&cut);
                    let same = |whole: &Told| torn_mark && whole.value == told.value;
                    assert!(wholes.contains(&told) || wholes.iter().any(same));
                }
            }
        }
    }

    #[test]
    fn the_mark_of_one_content_does_not_make_another_fresh() {
        for (mut old, new) in pairs() {
            old[16..20].copy_from_slice(&new[16..20]);
            let told = read(&old).unwrap();
            assert!(told.stale || told == read(&new).unwrap());
        }
    }

    #[test]
    fn another_version_or_flag_is_foreign() {
        for at in 4..8 {
            let mut changed = file(KEY, b"v", TIMES);
            changed[at] ^= 2;
            assert_eq!(Header::read(&changed), Header::Foreign);
        }
    }

    #[test]
    fn an_entry_from_the_future_is_over() {
        assert!(!TIMES.is_over(TIMES.written));
        assert!(!TIMES.is_over(TIMES.expires - 1));
        assert!(TIMES.is_over(TIMES.expires));
        assert!(!TIMES.is_over(TIMES.written - SKEW_MS));
        assert!(
            Times {
                written: 10_000,
                expires: 20_000
            }
            .is_over(8_999)
        );
    }
}
