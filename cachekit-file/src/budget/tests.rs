//! All that can happen to the budget of a directory, in any order, and what has to hold after each step.

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::entry::Times;
use crate::scan;
use crate::usage::BLOCK;
use crate::write::Draft;

const CAPS: Usage = Usage {
    bytes: 40 * BLOCK,
    entries: 30,
};

/// In how many folders there are entries, of how many names each.
const FOLDERS_USED: u64 = 6;
const NAMES: u64 = 10;

/// Numbers that look random, and are the same for a seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        (mixed >> 32) % limit
    }

    fn folder(&mut self) -> Folder {
        Folder::new(u8::try_from(self.below(FOLDERS_USED)).unwrap())
    }

    fn entry(&mut self, folder: &LockedFolder<'_>) -> PathBuf {
        folder.path().join(format!("{:064x}", self.below(NAMES)))
    }
}

/// A process that shares the directory.
fn member(scratch: &TempDir) -> Budget {
    let config = Config {
        directory: scratch.path().to_owned(),
        max_size: CAPS.bytes,
        max_entries: CAPS.entries,
        ..Config::default()
    };
    let directory = Arc::new(Directory::new(config.directory.clone(), 0o700));
    directory.make(&layout::root(directory.path())).unwrap();
    let folders = Arc::new(Folders::new(0o600, BLOCK));
    Budget::new(&config, Clock::system(), directory, folders)
}

/// One who writes `blocks`, as far as it got.
struct Write<'a> {
    reservation: Reservation<'a>,
    blocks: u64,
}

impl<'a> Write<'a> {
    fn begin(budget: &'a Budget, chance: &mut Chance) -> Option<Self> {
        let blocks = 1 + chance.below(3);
        let reserved = budget.reserve("test", Usage::entry(blocks * BLOCK));
        // With much that others hold there may be no room.
        let reservation = reserved.ok()?;
        Some(Self {
            reservation,
            blocks,
        })
    }

    fn end(mut self, chance: &mut Chance) {
        let Ok(mut folder) = self.reservation.lock("test", chance.folder()) else {
            return;
        };
        let before = folder.usage();
        let content = vec![1; usize::try_from(self.blocks * BLOCK).unwrap()];
        let now = Clock::system().unix_ms();
        let draft = Draft {
            parts: [&content, b""],
            times: Times {
                written: now,
                expires: now + 3_600_000,
            },
        };
        folder.write(&chance.entry(&folder), &draft).unwrap();
        self.reservation.settle(before, folder.usage());
    }
}

fn remove(budget: &Budget, chance: &mut Chance) {
    if let Some(mut folder) = budget.lock_existing(chance.folder()).unwrap() {
        let freed = folder.retire(&chance.entry(&folder)).unwrap();
        budget.freed(freed, folder.head().round).unwrap();
    }
}

/// What is used is no more than what is known to be used, and that is no more than the caps.
fn check(budgets: &[Budget], writes: &[Write<'_>]) {
    let one = &budgets[0];
    let (mut all, mut of_round) = (Usage::default(), Usage::default());
    let round = one.account.update(|account| account.round()).unwrap();
    let mut add = |usage: Usage, of: u64| {
        all = all.plus(usage);
        if of == round {
            of_round = of_round.plus(usage);
        }
    };
    for number in Folder::all() {
        if let Some(folder) = one.lock_existing(number).unwrap() {
            let found = scan::look(folder.path()).unwrap();
            assert_eq!(folder.usage(), found.usage);
            add(found.usage, folder.head().round);
        }
    }
    let shares = budgets.iter().map(|budget| *budget.share());
    let reserved = writes.iter().map(|write| &write.reservation);
    let held = shares.map(|share| (share.usage, share.round));
    let held = held.chain(reserved.map(|reserved| (reserved.usage, reserved.round)));
    for (usage, of) in held.filter(|(_, of)| *of == round || of + 1 == round) {
        add(usage, of);
    }
    assert!(all.is_within(CAPS), "{all:?}");
    let account = one.account.update(|account| account.clone()).unwrap();
    assert!(of_round.is_within(account.next), "{of_round:?} {account:?}");
    if account.is_counted() {
        assert!(all.is_within(account.total), "{all:?} {account:?}");
    }
}

/// What happens every day.
fn act<'a>(budget: &'a Budget, writes: &mut Vec<Write<'a>>, chance: &mut Chance) {
    match chance.below(96) {
        0..32 => writes.extend(Write::begin(budget, chance)),
        32..65 if !writes.is_empty() => {
            let index = usize::try_from(chance.below(writes.len() as u64)).unwrap();
            writes.swap_remove(index).end(chance);
        }
        65..70 => drop(writes.pop()),
        70..80 => remove(budget, chance),
        80..90 => budget.sweep(chance.folder()).unwrap(),
        90..95 => budget.complete_round().unwrap(),
        95 => budget.clear().unwrap(),
        _ => {}
    }
}

/// What happens seldom.
fn disturb(budget: &Budget, writes: &mut Vec<Write<'_>>, chance: &mut Chance) {
    match chance.below(3) {
        0 => budget.recount().unwrap(),
        1 => drop(std::fs::remove_file(budget.account.path())),
        // Killed, with what it held.
        _ => writes
            .pop()
            .into_iter()
            .for_each(|write| std::mem::forget(write.reservation)),
    }
}

#[test]
fn what_is_known_to_be_used_is_what_is_used_when_nobody_holds_anything() {
    for seed in 0..5 {
        let scratch = tempfile::tempdir().unwrap();
        let budgets: Vec<_> = (0..3).map(|_| member(&scratch)).collect();
        let mut chance = Chance(seed);
        let mut writes = Vec::new();
        for _ in 0..400 {
            let budget = usize::try_from(chance.below(3)).unwrap();
            act(&budgets[budget], &mut writes, &mut chance);
        }
        drop(writes);
        drop(budgets);
        let one = member(&scratch);
        let mut used = Usage::default();
        for number in Folder::all() {
            used = used.plus(scan::look(&number.path(scratch.path())).unwrap().usage);
        }
        let known = || one.account.update(|account| account.total).unwrap();
        assert_eq!(known(), used);
        one.complete_round().unwrap();
        assert_eq!(known(), used);
    }
}

#[test]
fn what_a_write_took_beyond_its_reservation_counts() {
    let scratch = tempfile::tempdir().unwrap();
    let budgets = [member(&scratch)];
    let reservation = budgets[0].reserve("test", Usage::entry(0)).unwrap();
    let write = Write {
        reservation,
        blocks: 3,
    };
    write.end(&mut Chance(0));
    check(&budgets, &[]);
}

#[test]
fn a_reservation_that_became_void_is_not_given_back() {
    let scratch = tempfile::tempdir().unwrap();
    let budget = member(&scratch);
    let mut reservation = budget.reserve("test", CAPS).unwrap();
    reservation.round = VOID;
    drop(reservation);
    assert_eq!(budget.share().usage, Usage::default());
}

#[test]
fn what_is_used_and_held_is_within_the_caps_whatever_happens() {
    for seed in 0..5 {
        let scratch = tempfile::tempdir().unwrap();
        let budgets: Vec<_> = (0..3).map(|_| member(&scratch)).collect();
        let mut chance = Chance(seed);
        let mut writes = Vec::new();
        for _ in 0..150 {
            let budget = usize::try_from(chance.below(3)).unwrap();
            act(&budgets[budget], &mut writes, &mut chance);
            if chance.below(25) == 0 {
                disturb(&budgets[budget], &mut writes, &mut chance);
            }
            check(&budgets, &writes);
        }
    }
}

/// Has the lock of a file, as a process that was stopped would.
fn hold(path: &Path) -> File {
    let file = File::open(path).unwrap();
    file.lock().unwrap();
    file
}

/// Whether all who write to one folder get it, where the first of them has to wait for the account.
fn all_get_a_folder() -> bool {
    let scratch = tempfile::tempdir().unwrap();
    let budgets = [(); 8].map(|()| member(&scratch));
    let reserve = |budget| Budget::reserve(budget, "test", Usage::entry(BLOCK)).unwrap();
    let reservations = budgets.each_ref().map(reserve);
    // Of a round that is over: each asks the account, with the folder.
    budgets[0].recount().unwrap();
    let _held = hold(budgets[0].account.path());
    std::thread::scope(|threads| {
        let locks = reservations.map(|mut reservation| {
            threads.spawn(move || reservation.lock("test", Folder::new(0)).is_ok())
        });
        locks.map(|lock| lock.join().unwrap()) == [true; 8]
    })
}

#[test]
fn whoever_waits_for_the_account_with_a_folder_holds_up_nobody_who_wants_that() {
    // But where the disk has a slow moment.
    let attempts = (0..5).filter(|_| all_get_a_folder());
    assert!(attempts.count() >= 3);
}

#[test]
fn what_may_have_been_given_back_is_not_held() {
    let scratch = tempfile::tempdir().unwrap();
    let budget = member(&scratch);
    let mut reservation = budget.reserve("test", Usage::entry(BLOCK)).unwrap();
    budget.share().usage = Usage::entry(BLOCK);
    budget.recount().unwrap();
    std::fs::remove_file(budget.account.path()).unwrap();
    std::fs::create_dir(budget.account.path()).unwrap();
    reservation.lock("test", Folder::new(0)).unwrap_err();
    assert_eq!(reservation.round, VOID);
    drop(reservation);
    budget.reserve("test", CAPS).unwrap_err();
    assert_eq!(budget.share().usage, Usage::default());
    budget.freed(CAPS, 1).unwrap_err();
    assert!(budget.share().usage.is_within(budget.portion));
}

#[test]
fn the_spares_of_all_folders_go_but_of_one_that_is_held() {
    let scratch = tempfile::tempdir().unwrap();
    let budget = member(&scratch);
    let spare = |number| Folder::new(number).path(scratch.path()).join(layout::SPARE);
    for number in 0..3 {
        let mut reservation = budget.reserve("test", Usage::entry(BLOCK)).unwrap();
        drop(reservation.lock("test", Folder::new(number)).unwrap());
        std::fs::write(spare(number), [0; 100]).unwrap();
    }
    let _held = hold(&spare(1).with_file_name(layout::LOCK));
    budget.drop_spares().unwrap();
    assert_eq!(
        [0, 1, 2].map(|number| spare(number).exists()),
        [false, true, false]
    );
    budget.recount().unwrap();
}
