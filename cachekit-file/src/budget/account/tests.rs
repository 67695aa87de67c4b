use super::*;

const CAPS: Usage = Usage {
    bytes: 1 << 20,
    entries: 100,
};

const fn entries(entries: u64) -> Usage {
    Usage { bytes: 0, entries }
}

/// One whose folders are empty.
fn counted() -> Account {
    let mut account = Account::unknown();
    next_round(&mut account);
    account
}

fn next_round(account: &mut Account) {
    for folder in Folder::all() {
        account.stamp_missing(folder, account.round());
    }
    account.end_round();
}

fn take(account: &mut Account, number: u64) -> Option<Usage> {
    account.take(entries(number), entries(number), CAPS)
}

#[test]
fn it_is_read_as_it_was_written_and_not_when_a_byte_differs() {
    let mut account = counted();
    take(&mut account, 3).unwrap();
    account.due(1);
    account.stamp_missing(Folder::new(77), account.round());
    let bytes = account.to_bytes();
    assert_eq!(Account::parse(&bytes), Some(account));
    for at in 0..LENGTH {
        let mut damaged = bytes;
        damaged[at] ^= 1;
        assert_eq!(Account::parse(&damaged), None, "at {at}");
        assert_eq!(Account::parse(&bytes[..at]), None);
    }
}

#[test]
fn nothing_can_be_taken_before_it_is_counted() {
    let mut account = Account::unknown();
    assert_eq!(take(&mut account, 1), None);
    next_round(&mut account);
    assert_eq!(take(&mut account, 100), Some(entries(100)));
    assert_eq!(take(&mut account, 1), None);
}

#[test]
fn as_much_of_a_wish_is_taken_as_there_is() {
    let mut account = counted();
    let taken = |account: &mut Account| account.take(entries(1), entries(60), CAPS);
    assert_eq!(taken(&mut account), Some(entries(60)));
    assert_eq!(taken(&mut account), Some(entries(40)));
    assert_eq!(taken(&mut account), None);
}

#[test]
fn a_share_that_nobody_has_any_more_is_forgotten_with_the_round_after_its_own() {
    let mut account = counted();
    take(&mut account, 100).unwrap();
    next_round(&mut account);
    assert_eq!(take(&mut account, 1), None, "it may still be there");
    next_round(&mut account);
    assert_eq!(take(&mut account, 100), Some(entries(100)));
}

#[test]
fn a_share_is_given_back_once_whatever_its_round() {
    let mut account = counted();
    take(&mut account, 40).unwrap();
    let round = account.round();
    next_round(&mut account);
    account.give(entries(10), round);
    assert_eq!(account.room(CAPS).entries, 70);
    next_round(&mut account);
    account.give(entries(30), round);
    assert_eq!(account.room(CAPS).entries, 100, "it was void");
}

#[test]
fn a_folder_that_was_missing_in_one_round_may_be_there_in_the_next() {
    let mut account = counted();
    let missed_in = account.round();
    next_round(&mut account);
    account.stamp_missing(Folder::new(3), missed_in);
    assert!(!account.is_stamped(Folder::new(3)));
}

#[test]
fn a_round_ends_when_every_folder_has_joined_it() {
    let mut account = counted();
    let round = account.round();
    for folder in Folder::all() {
        account.end_round();
        assert_eq!(account.round(), round);
        account.stamp_missing(folder, round);
    }
    account.end_round();
    assert_ne!(account.round(), round);
}

#[test]
fn a_folder_counts_once_in_every_round() {
    let mut account = counted();
    let folder = Folder::new(3);
    let mut head = Head {
        usage: entries(20),
        ..Head::default()
    };
    for _ in 0..3 {
        for _ in 0..2 {
            account.stamp(folder, head, head.usage);
            head.round = account.round();
            assert_eq!(account.room(CAPS).entries, 80);
        }
        next_round(&mut account);
    }
}

#[test]
fn a_folder_that_was_counted_anew_counts_as_it_was_found() {
    let mut account = counted();
    let folder = Folder::new(3);
    let mut head = Head {
        usage: entries(20),
        ..Head::default()
    };
    account.stamp(folder, head, head.usage);
    head.round = account.round();
    account.stamp(folder, head, entries(5));
    assert_eq!(account.room(CAPS).entries, 95);
    next_round(&mut account);
    assert_eq!(account.room(CAPS).entries, 95);
}

#[test]
fn who_takes_all_there_is_owes_two_looks_at_every_folder() {
    let mut account = counted();
    let mut looked_at = 0;
    for _ in 0..100 {
        take(&mut account, 1).unwrap();
        looked_at += account.due(512).len();
    }
    assert!((511..=513).contains(&looked_at), "{looked_at}");
}

#[test]
fn who_gives_back_what_was_not_spent_owes_nothing_for_it() {
    let mut account = counted();
    for _ in 0..1_000 {
        account.take(entries(1), entries(1), CAPS).unwrap();
        account.give_unspent(entries(1), account.round(), CAPS);
    }
    assert_eq!(account.due(512), []);
}

#[test]
fn a_write_looks_through_one_folder_where_they_are_large() {
    let mut account = counted();
    account.charge(entries(1_000_000));
    account.owe(CAPS, CAPS);
    assert_eq!(account.due(512).len(), 1);
    assert_eq!(account.due(512), [Folder::new(1)]);
}
