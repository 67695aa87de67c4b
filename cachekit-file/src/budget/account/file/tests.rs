use std::cell::Cell;

use tempfile::TempDir;

use super::*;
use crate::layout::{self, Folder};
use crate::lock::open_locked;
use crate::usage::Usage;

const CAPS: Usage = Usage {
    bytes: 0,
    entries: 100,
};

const fn entries(entries: u64) -> Usage {
    Usage { bytes: 0, entries }
}

/// A process that shares the account.
fn member(scratch: &TempDir) -> AccountFile {
    let path = scratch.path();
    std::fs::create_dir_all(layout::root(path)).unwrap();
    AccountFile::new(layout::budget(path), layout::next_budget(path), 0o600)
}

/// A member of one whose folders are empty.
fn counted(scratch: &TempDir) -> AccountFile {
    let member = member(scratch);
    let count = |account: &mut Account| {
        for folder in Folder::all() {
            account.stamp_missing(folder, account.round());
        }
        account.end_round();
    };
    member.update(count).unwrap();
    member
}

fn take(account: &mut Account, number: u64) -> Option<Usage> {
    account.take(entries(number), entries(number), CAPS)
}

fn total(member: &AccountFile) -> u64 {
    member.update(|account| account.total.entries).unwrap()
}

/// Gives back 1 and takes 5 while `meanwhile` is done, which knows what is to be written.
fn stopped(member: &AccountFile, meanwhile: impl Fn(&Account)) {
    let first = Cell::new(true);
    let change = |account: &mut Account| {
        let round = account.round();
        account.give(entries(1), round);
        take(account, 5).unwrap();
        if first.replace(false) {
            meanwhile(account);
        }
    };
    member.update(change).unwrap();
}

#[test]
fn whoever_is_stopped_before_its_change_is_written_makes_it_where_others_went_on() {
    let scratch = tempfile::tempdir().unwrap();
    let (one, other) = (counted(&scratch), member(&scratch));
    one.update(|account| take(account, 10)).unwrap();
    stopped(&one, |_| {
        other.update(|account| take(account, 20)).unwrap();
    });
    // The one entry that was given may have been in the copy, and comes back with the next round.
    assert_eq!(total(&one), 10 + 20 + 5);
    assert_eq!(total(&other), total(&one));
    assert!(!one.next.exists());
}

#[test]
fn whoever_is_stopped_after_its_change_was_written_may_take_twice_and_never_gives_twice() {
    let scratch = tempfile::tempdir().unwrap();
    let (one, other) = (counted(&scratch), member(&scratch));
    one.update(|account| take(account, 10)).unwrap();
    stopped(&one, |account| {
        std::fs::write(&one.path, account.to_bytes()).unwrap();
        other.update(|account| take(account, 20)).unwrap();
    });
    assert_eq!(total(&one), 10 - 1 + 5 + 20 + 5);
}

#[test]
fn those_who_wait_for_the_same_replace_it_once() {
    let scratch = tempfile::tempdir().unwrap();
    let one = counted(&scratch);
    let held = one.locked().unwrap();
    let wait = || {
        let other = member(&scratch);
        other.update(|account| take(account, 1)).unwrap();
        total(&other)
    };
    std::thread::scope(|threads| {
        for _ in 0..8 {
            threads.spawn(wait);
        }
    });
    drop(held);
    assert_eq!(total(&one), 8);
    assert!(!one.next.exists());
}

#[test]
fn what_one_left_who_was_killed_while_it_replaced_is_not_believed() {
    let scratch = tempfile::tempdir().unwrap();
    let one = counted(&scratch);
    std::fs::copy(&one.path, &one.next).unwrap();
    one.update(|account| take(account, 7)).unwrap();
    let held = one.locked().unwrap();
    held.set_len(0).unwrap();
    let counted = member(&scratch).update(|account| account.is_counted());
    assert!(!counted.unwrap());
}

#[test]
fn nobody_waits_for_one_who_was_stopped_while_it_replaced() {
    let scratch = tempfile::tempdir().unwrap();
    let (one, other) = (counted(&scratch), member(&scratch));
    let _held = one.locked().unwrap();
    let _replacing = open_locked(&one.next, 0o600).unwrap();
    other.update(|account| take(account, 3)).unwrap();
    assert_eq!(total(&other), 3);
}

#[test]
fn whoever_replaces_what_others_have_replaced_leaves_it_so() {
    let scratch = tempfile::tempdir().unwrap();
    let (one, other) = (counted(&scratch), member(&scratch));
    let stuck = one.locked().unwrap();
    other.update(|account| take(account, 3)).unwrap();
    one.replace(&stuck).unwrap();
    assert_eq!(total(&other), 3);
    assert!(!one.next.exists());
}

#[test]
fn however_often_it_is_replaced_nothing_that_was_taken_is_lost() {
    const THREADS: u64 = 8;
    const CHANGES: u64 = 100;
    let mut judged = 0;
    while judged < 20 {
        let scratch = tempfile::tempdir().unwrap();
        let known = counted(&scratch);
        let change = || {
            let member = AccountFile {
                patience: Duration::from_micros(1),
                ..member(&scratch)
            };
            for _ in 0..CHANGES {
                member.update(|account| account.charge(entries(1))).unwrap();
            }
        };
        std::thread::scope(|threads| {
            for _ in 0..THREADS {
                threads.spawn(change);
            }
        });
        // Where one who replaced it was replaced himself, everything is counted anew.
        if known.update(|account| account.is_counted()).unwrap() {
            assert!(total(&known) >= THREADS * CHANGES);
            judged += 1;
        }
    }
}
