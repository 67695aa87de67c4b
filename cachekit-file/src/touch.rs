//! When an entry was last used: the time of modification of its file.
//!
//! Each renewal is a write of metadata. So it is made at most once a minute for a file, and at most
//! [`RENEWALS`] times in [`WINDOW_MS`] by a process: for as many entries in use as that allows in a
//! minute, 60,000, the time is exact to a minute, for a million to a quarter of an hour.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rustix::fd::OwnedFd;
use rustix::fs::{AtFlags, CWD, Timespec, Timestamps, UTIME_OMIT};

use crate::layout::Digest;

const RENEWED_AFTER_S: u16 = 60;

/// How many renewals there are at most in a window of time, and how long that is.
const RENEWALS: u32 = 1_000;
const WINDOW_MS: u64 = 1_000;

/// How many entries are remembered whose time needs no renewal yet, so that not every read asks
/// the file system: about as many as can be exact. Those of one set, of [`WAYS`], share a part of
/// their digest, and the one that was renewed first makes room for another. What is forgotten is
/// asked again.
const SETS: usize = 1 << 14;
const WAYS: usize = 4;

/// How many renewals wait at most for somebody who may wait for the disk.
const WAITING: usize = 128;

/// Renews the times of files that are read.
#[derive(Debug)]
pub(crate) struct Touch {
    /// By the digest: 16 other bits of it, and the second of the time in the file.
    remembered: Box<[[AtomicU32; WAYS]]>,
    /// The number of a window, and how many renewals there were in it: a half each.
    renewals: AtomicU64,
    waiting: Mutex<Waiting>,
}

/// Renewals that nobody made yet, the oldest since `since` (unix ms).
#[derive(Debug, Default)]
struct Waiting {
    since: u64,
    paths: Vec<PathBuf>,
}

/// An entry that is read, in a file that is open.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Used<'a> {
    pub(crate) file: &'a OwnedFd,
    pub(crate) path: &'a Path,
    pub(crate) digest: &'a Digest,
    /// Unix time in ms.
    pub(crate) at: u64,
}

impl Touch {
    pub(crate) fn new() -> Self {
        Self {
            remembered: (0..SETS).map(|_| Default::default()).collect(),
            renewals: AtomicU64::new(0),
            waiting: Mutex::default(),
        }
    }

    /// Renews the time in the file, where it is due.
    pub(crate) fn renew(&self, used: Used<'_>) {
        if self.is_due(used) {
            // Recency is a help to the collector; a file system that is read-only serves without.
            let _ = rustix::fs::futimens(used.file, &modified(used.at));
            self.count(used);
        }
    }

    /// Leaves it to the next who may wait for the disk. False if that has to be the caller, because
    /// too many renewals wait, or one for too long.
    pub(crate) fn renew_later(&self, used: Used<'_>) -> bool {
        if !self.is_due(used) {
            return true;
        }
        let Ok(mut waiting) = self.waiting.try_lock() else {
            return true; // Somebody is at them; the next read of this entry asks again.
        };
        if waiting.paths.is_empty() {
            waiting.since = used.at;
        }
        let waited = used.at.abs_diff(waiting.since) / 1_000;
        if waiting.paths.len() >= WAITING || waited >= u64::from(RENEWED_AFTER_S) {
            return false;
        }
        waiting.paths.push(used.path.to_owned());
        self.count(used);
        true
    }

    /// Makes the renewals that wait. Nobody waits for one who is at them and for the disk.
    pub(crate) fn renew_waiting(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let Waiting { since, paths } = std::mem::take(&mut *waiting);
        drop(waiting);
        let times = modified(since);
        for path in paths {
            let stat = rustix::fs::lstat(&path);
            // What has the name now may have been written since.
            if stat.is_ok_and(|stat| stat.st_mtime < times.last_modification.tv_sec) {
                let _ = rustix::fs::utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW);
            }
        }
    }

    fn is_due(&self, used: Used<'_>) -> bool {
        let now = second(used.at);
        let mut set = self.set(used.digest).iter().map(remembered);
        if set.any(|(tag, renewed)| tag == tag_of(used.digest) && is_recent(renewed, now)) {
            return false;
        }
        if self.renewals(used.at) >= RENEWALS {
            return false;
        }
        let modified = rustix::fs::fstat(used.file).map_or(used.at, |stat| {
            u64::try_from(stat.st_mtime).map_or(0, |seconds| seconds.saturating_mul(1_000))
        });
        if used.at.abs_diff(modified) / 1_000 >= u64::from(RENEWED_AFTER_S) {
            return true;
        }
        self.remember(used, second(modified.min(used.at)));
        false
    }

    /// How many renewals there were in the window of `now`.
    fn renewals(&self, now: u64) -> u32 {
        let [window, renewals] = halves(self.renewals.load(Ordering::Relaxed));
        if window == window_of(now) {
            renewals
        } else {
            0
        }
    }

    /// Notes that a renewal is made. Of two at the same time one may not count.
    fn count(&self, used: Used<'_>) {
        let renewals = u64::from(self.renewals(used.at)) + 1;
        let window = u64::from(window_of(used.at));
        self.renewals
            .store(window << 32 | renewals, Ordering::Relaxed);
        self.remember(used, second(used.at));
    }

    /// In place of the one of its set that was renewed first; one that is due itself is no loss.
    fn remember(&self, used: Used<'_>, renewed: u16) {
        let [a, b] = tag_of(used.digest).to_le_bytes();
        let [c, d] = renewed.to_le_bytes();
        let way = self.set(used.digest).iter().max_by_key(|way| {
            let (_, before) = remembered(way);
            second(used.at).wrapping_sub(before)
        });
        let way = way.expect("a set has ways");
        way.store(u32::from_le_bytes([a, b, c, d]), Ordering::Relaxed);
    }

    fn set(&self, digest: &Digest) -> &[AtomicU32; WAYS] {
        let index = usize::from(u16::from_le_bytes([digest[0], digest[1]]));
        &self.remembered[index % SETS]
    }
}

/// A tag, and the second of a renewal.
fn remembered(way: &AtomicU32) -> (u16, u16) {
    let [a, b, c, d] = way.load(Ordering::Relaxed).to_le_bytes();
    (u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d]))
}

const fn is_recent(renewed: u16, now: u16) -> bool {
    now.wrapping_sub(renewed) < RENEWED_AFTER_S
}

const fn tag_of(digest: &Digest) -> u16 {
    u16::from_le_bytes([digest[2], digest[3]])
}

/// Of a unix time in ms; comes again after 18 hours, and then at most one renewal is left out.
#[expect(clippy::cast_possible_truncation, reason = "it goes round")]
const fn second(unix_ms: u64) -> u16 {
    (unix_ms / 1_000) as u16
}

#[expect(clippy::cast_possible_truncation, reason = "it goes round")]
const fn window_of(unix_ms: u64) -> u32 {
    (unix_ms / WINDOW_MS) as u32
}

#[expect(clippy::cast_possible_truncation, reason = "the halves are meant")]
const fn halves(number: u64) -> [u32; 2] {
    [(number >> 32) as u32, number as u32]
}

/// The time of access says when an entry is over, and stays.
fn modified(unix_ms: u64) -> Timestamps {
    let omitted = Timespec {
        tv_sec: 0,
        tv_nsec: UTIME_OMIT,
    };
    let nanoseconds = unix_ms % 1_000 * 1_000_000;
    Timestamps {
        last_access: omitted,
        last_modification: Timespec {
            tv_sec: i64::try_from(unix_ms / 1_000).unwrap_or(i64::MAX),
            tv_nsec: nanoseconds.try_into().unwrap_or_default(),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    /// A file that was last used an hour before `NOW`.
    fn old() -> (tempfile::NamedTempFile, OwnedFd) {
        let file = tempfile::NamedTempFile::new().unwrap();
        let open = OwnedFd::from(file.reopen().unwrap());
        make_old(&open);
        (file, open)
    }

    fn make_old(file: &OwnedFd) {
        rustix::fs::futimens(file, &modified(NOW - 3_600_000)).unwrap();
    }

    fn digest(number: u32) -> Digest {
        *blake3::hash(&number.to_le_bytes()).as_bytes()
    }

    #[test]
    fn more_renewals_than_a_window_allows_wait_for_the_next() {
        let (file, open) = old();
        let touch = Touch::new();
        let modified_at = |number: u32, at: u64| {
            make_old(&open);
            touch.renew(Used {
                file: &open,
                path: file.path(),
                digest: &digest(number),
                at,
            });
            file.path().metadata().unwrap().mtime()
        };
        let second = |at: u64| i64::try_from(at / 1_000).unwrap();
        for number in 0..RENEWALS {
            assert_eq!(modified_at(number, NOW), second(NOW));
        }
        let late = NOW + WINDOW_MS - 1;
        assert_eq!(modified_at(RENEWALS, late), second(NOW) - 3_600);
        assert_eq!(modified_at(RENEWALS, late + 1), second(late + 1));
    }

    #[test]
    fn of_those_that_share_a_set_the_one_that_was_renewed_first_is_forgotten() {
        let (file, open) = old();
        let touch = Touch::new();
        let renewed = |number: u8, at: u64| {
            let mut digest = digest(0);
            digest[2] = number;
            make_old(&open);
            touch.renew(Used {
                file: &open,
                path: file.path(),
                digest: &digest,
                at,
            });
            file.path().metadata().unwrap().mtime() == i64::try_from(at / 1_000).unwrap()
        };
        let late = NOW + 50_000;
        for number in 0..4 {
            assert!(renewed(number, NOW + u64::from(number) * 1_000));
        }
        assert!(!(0..4).any(|number| renewed(number, late)));
        assert!(renewed(4, late));
        assert!(!(1..5).any(|number| renewed(number, late)));
        assert!(renewed(0, late));
        assert!(renewed(1, late), "it was the next to be forgotten");
    }

    #[test]
    fn no_more_renewals_wait_than_there_is_room_for() {
        let (file, open) = old();
        let touch = Touch::new();
        let later = |number: u32| {
            touch.renew_later(Used {
                file: &open,
                path: file.path(),
                digest: &digest(number),
                at: NOW,
            })
        };
        assert!((0..128).all(later));
        assert!(!later(128), "the reader has to go where it may wait");
        assert!(later(0), "it waits already");
        touch.renew_waiting();
        let modified = file.path().metadata().unwrap().mtime();
        assert_eq!(modified, i64::try_from(NOW / 1_000).unwrap());
        make_old(&open);
        assert!(later(128));
    }
}
