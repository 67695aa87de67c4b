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

/// Takes, and is stopped before that is written until `meanwhile` is done.
fn stopped_before(member: &AccountFile, meanwhile: impl Fn()) {
    let first = Cell::new(true);
    let change = |account: &mut Account| {
        let round = account.round();
        account.give(entries(1), round);
        take(account, 5).unwrap();
        if first.replace(false) {
            meanwhile();
        }
    };
    member.update(change).unwrap();
}

#[test]
fn whoever_is_stopped_with_the_account_finds_what_others_did_since() {
    let scratch = tempfile::tempdir().unwrap();
    let (one, other) = (counted(&scratch), member(&scratch));
    one.update(|account| take(account, 10)).unwrap();
    stopped_before(&one, || {
        other.update(|account| take(account, 20)).unwrap();
    });
    // The one entry that was given may have been in the copy, and comes back with the next round.
    assert_eq!(total(&one), 10 + 20 + 5);
    assert_eq!(total(&other), total(&one));
    assert!(!one.next.exists());
}

#[test]
fn whoever_is_stopped_after_its_change_neither_loses_it_nor_gives_twice() {
    let scratch = tempfile::tempdir().unwrap();
    let (one, other) = (counted(&scratch), member(&scratch));
    one.update(|account| take(account, 10)).unwrap();
    let held = one.locked().unwrap();
    let mut account = read(&held).unwrap().unwrap();
    take(&mut account, 5).unwrap();
    held.write_all_at(&account.to_bytes(), 0).unwrap();
    assert_eq!(total(&other), 15);
    assert!(!is_named(&held, &one.path).unwrap());
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

/// All that can become of one who was stopped while it replaced, and of those who did it meanwhile.
#[test]
fn whoever_goes_on_to_replace_what_others_replaced_loses_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let (one, other) = (counted(&scratch), member(&scratch));
    let stuck = one.locked().unwrap();
    let replacing = open_locked(&one.next, 0o600).unwrap();
    other.update(|account| take(account, 3)).unwrap();
    drop(replacing);
    one.replace(&stuck).unwrap();
    assert_eq!(total(&other), 3);
}
