//! Who computes, among instances and processes that share a directory.

use std::fs::{File, OpenOptions, set_permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::pin::pin;
use std::process::Stdio;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::backend::{
    Backend, Found, Lead, Lookup, Reason, Renewed, Stored, Token, Ttl, Want,
};
use cachekit_core::clock::Clock;
use cachekit_core::error::ErrorKind;
use cachekit_core::testkit::ManualClock;
use cachekit_file::{Config, FileBackend};

use crate::child;
#[cfg(target_os = "linux")]
use crate::scratch::opened;
use crate::scratch::{LONG, Scratch, key, patiently, set, value};

const WANT: Want = want(LONG);

const fn want(hold: Ttl) -> Want {
    Want::Lead {
        hold,
        early: Duration::ZERO,
        patience: Duration::ZERO,
    }
}

async fn look(backend: &FileBackend, text: &str) -> Lookup {
    let key = key(text);
    patiently(async || backend.get(&key, WANT).await).await
}

async fn lead(backend: &FileBackend, text: &str) -> Token {
    match look(backend, text).await.lead {
        Lead::Mine(token) => token,
        other => panic!("{other:?}"),
    }
}

async fn store(backend: &FileBackend, text: &str, token: &Token) -> Stored {
    let (key, value) = (key(text), Bytes::from("computed"));
    patiently(async || backend.set(&key, value.clone(), LONG, Some(token)).await).await
}

fn two(scratch: &Scratch) -> (FileBackend, FileBackend) {
    let new = || FileBackend::new(scratch.config()).unwrap();
    (new(), new())
}

const KEYS: usize = 30;

/// Computes every key that nobody else does, and waits for those that somebody does.
async fn compute_all(config: Config) {
    let shared = |name| config.directory.with_file_name(name);
    let mut computed = OpenOptions::new();
    let computed = computed.append(true).create(true).open(shared("computed"));
    let backend = FileBackend::new(config.clone()).unwrap();
    println!("ready");
    while !shared("go").exists() {
        std::thread::yield_now();
    }
    for number in 0..KEYS {
        let text = format!("k{number}");
        loop {
            match look(&backend, &text).await {
                Lookup {
                    lead: Lead::Mine(token),
                    ..
                } => {
                    writeln!(computed.as_ref().unwrap(), "{text}").unwrap();
                    assert_eq!(store(&backend, &text, &token).await, Stored::Stored);
                }
                Lookup {
                    found: Some(Found { value, .. }),
                    ..
                } => {
                    assert_eq!(value, "computed");
                    break;
                }
                _ => tokio::task::yield_now().await,
            }
        }
    }
}

#[tokio::test]
async fn eight_processes_that_want_the_same_keys_compute_each_once() {
    const THIS: &str = "leads::eight_processes_that_want_the_same_keys_compute_each_once";
    if let Some(config) = child::config() {
        return compute_all(config).await;
    }
    let scratch = Scratch::new();
    let start = |_| {
        let mut command = child::of(THIS, &scratch.cache());
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let mut processes: Vec<_> = (0..8).map(start).collect();
    for process in &mut processes {
        let output = BufReader::new(process.stdout.as_mut().unwrap());
        let mut lines = output.lines().map_while(Result::ok);
        assert!(lines.any(|line| line.ends_with("ready")));
    }
    File::create(scratch.path().join("go")).unwrap();
    for mut process in processes {
        assert!(process.wait().unwrap().success());
    }
    let computed = std::fs::read_to_string(scratch.path().join("computed")).unwrap();
    let mut computed: Vec<_> = computed.lines().collect();
    assert_eq!(computed.len(), KEYS, "{computed:?}");
    computed.sort_unstable();
    computed.dedup();
    assert_eq!(computed.len(), KEYS, "one twice, and another never");
    let owners = scratch.cache().join("v1/owners");
    assert_eq!(std::fs::read_dir(owners).unwrap().count(), 0);
}

async fn lead_and_wait(config: Config) {
    let backend = FileBackend::new(config).unwrap();
    lead(&backend, "k").await;
    println!("leading");
    std::future::pending().await
}

#[tokio::test]
async fn the_lead_of_a_process_that_was_killed_goes_to_the_next_reader_at_once() {
    const THIS: &str =
        "leads::the_lead_of_a_process_that_was_killed_goes_to_the_next_reader_at_once";
    if let Some(config) = child::config() {
        return lead_and_wait(config).await;
    }
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    let mut command = child::of(THIS, &scratch.cache());
    let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
    let output = BufReader::new(process.stdout.as_mut().unwrap());
    let mut lines = output.lines().map_while(Result::ok);
    assert!(lines.any(|line| line.ends_with("leading")));
    assert_eq!(look(&backend, "k").await.lead, Lead::Other);

    process.kill().unwrap();
    process.wait().unwrap();
    let lookup = look(&backend, "k").await;
    assert!(lookup.taken_over);
    let token = lookup.lead.token().unwrap();
    assert_eq!(store(&backend, "k", &token).await, Stored::Stored);
}

#[tokio::test]
async fn the_lead_of_an_instance_that_ended_goes_to_the_next_reader_at_once() {
    let scratch = Scratch::new();
    let (a, b) = two(&scratch);
    lead(&a, "k").await;
    assert_eq!(look(&b, "k").await.lead, Lead::Other);
    drop(a);
    let lookup = look(&b, "k").await;
    assert!(lookup.taken_over && matches!(lookup.lead, Lead::Mine(_)));
}

#[tokio::test]
async fn what_another_instance_does_supersedes_a_lead() {
    let scratch = Scratch::new();
    let (a, b) = two(&scratch);
    let [set_, removed, expired] = ["set", "removed", "expired"];
    let mut tokens = Vec::new();
    for text in [set_, removed, expired] {
        tokens.push(lead(&a, text).await);
    }
    set(&b, set_, b"newer").await;
    b.remove(&key(removed)).await.unwrap();
    b.expire(&key(expired)).await.unwrap();
    let reasons = [Reason::Overtaken, Reason::Gone, Reason::Gone];
    for ((text, token), reason) in [set_, removed, expired].iter().zip(&tokens).zip(reasons) {
        let renewed = a.renew(&key(text), token, LONG).await.unwrap();
        assert_eq!(renewed, Renewed::Lost, "{text}");
        assert_eq!(store(&a, text, token).await, Stored::Superseded(reason));
    }
    assert_eq!(value(&a, set_).await.unwrap(), "newer");
    assert_eq!(value(&a, removed).await, None);
}

#[tokio::test]
async fn a_lead_whose_hold_has_passed_is_taken_over() {
    let scratch = Scratch::new();
    let time = ManualClock::new();
    let new = || FileBackend::with_clock(scratch.config(), time.clock()).unwrap();
    let (a, b) = (new(), new());
    let short = want(Ttl::from_secs(1));
    let first = a.get(&key("k"), short).await.unwrap();
    time.advance(Duration::from_millis(999));
    assert_eq!(look(&b, "k").await.lead, Lead::Other);
    time.advance(Duration::from_millis(1));
    let first = first.lead.token().unwrap();
    let renewed = a.renew(&key("k"), &first, LONG).await.unwrap();
    assert_eq!(renewed, Renewed::Lost);
    let late = store(&a, "k", &first).await;
    assert_eq!(late, Stored::Superseded(Reason::Gone));
    let second = look(&b, "k").await;
    assert!(second.taken_over);
    let late = store(&a, "k", &first).await;
    assert_eq!(late, Stored::Superseded(Reason::Overtaken));
    let token = second.lead.token().unwrap();
    assert_eq!(store(&b, "k", &token).await, Stored::Stored);
}

#[tokio::test]
async fn a_dead_leader_is_known_also_where_the_clock_was_set_back() {
    let scratch = Scratch::new();
    let time = ManualClock::new();
    let new = || FileBackend::with_clock(scratch.config(), time.clock()).unwrap();
    let (a, b) = (new(), new());
    lead(&a, "k").await;
    time.step_back(Duration::from_secs(86_400));
    assert_eq!(look(&b, "k").await.lead, Lead::Other);
    drop(a);
    assert!(matches!(look(&b, "k").await.lead, Lead::Mine(_)));
}

#[tokio::test]
async fn a_value_over_the_limit_removes_nothing_for_one_whose_lead_is_over() {
    let scratch = Scratch::new();
    let config = Config {
        max_value: 100,
        ..scratch.config()
    };
    let backend = FileBackend::new(config).unwrap();
    let token = lead(&backend, "k").await;
    set(&backend, "k", b"newer").await;
    let large = Bytes::from(vec![b'x'; 101]);
    let key = key("k");
    let stored = backend.set(&key, large.clone(), LONG, Some(&token)).await;
    assert_eq!(stored.unwrap(), Stored::Superseded(Reason::Overtaken));
    assert_eq!(value(&backend, "k").await.unwrap(), "newer");
    let refused = backend.set(&key, large, LONG, None).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::TooLarge);
    assert_eq!(value(&backend, "k").await, None);
}

#[tokio::test]
async fn the_lead_of_a_reader_who_went_away_goes_to_the_next() {
    let scratch = Scratch::new();
    let (a, b) = two(&scratch);
    let clock = Clock::system();
    for number in 0..20 {
        let text = format!("k{number}");
        let key = key(&text);
        let mut left = pin!(a.get(&key, WANT));
        let mut polls = Context::from_waker(Waker::noop());
        for _ in 0..number {
            if let Poll::Ready(lookup) = left.as_mut().poll(&mut polls) {
                let token = lookup.unwrap().lead.token().unwrap();
                a.release(&key, &token).await.unwrap();
                break;
            }
            std::thread::yield_now();
        }
    }
    let deadline = clock.monotonic_ms() + 60_000;
    for number in 0..20 {
        while look(&b, &format!("k{number}")).await.lead == Lead::Other {
            assert!(
                clock.monotonic_ms() < deadline,
                "k{number} is led by nobody"
            );
        }
    }
}

#[tokio::test]
async fn a_lock_file_that_was_damaged_loses_leads_and_nothing_else() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"v").await;
    backend.expire(&key("k")).await.unwrap();
    let token = lead(&backend, "k").await;
    let lock = scratch.file().with_file_name(".folder");
    for damage in [&b"not a head"[..], &[], &[0xff; 10_000]] {
        std::fs::write(&lock, damage).unwrap();
        assert_eq!(value(&backend, "k").await.unwrap(), "v");
        let stored = store(&backend, "k", &token).await;
        assert_eq!(stored, Stored::Superseded(Reason::Overtaken));
        lead(&backend, "k").await;
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn whoever_waits_for_the_lock_of_a_folder_that_goes_is_superseded() {
    let scratch = Scratch::new();
    let (a, b) = two(&scratch);
    set(&a, "k", b"v").await;
    let lock = scratch.file().with_file_name(".folder");
    let key = key("k");
    a.remove(&key).await.unwrap();
    let token = lead(&a, "k").await;
    let held = File::open(&lock).unwrap();
    held.lock().unwrap();
    let mut late = pin!(a.set(&key, Bytes::from("late"), LONG, Some(&token)));
    let polled = late.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(polled.is_pending());
    while opened(&lock) < 2 {
        std::thread::yield_now();
    }
    std::fs::rename(lock.parent().unwrap(), scratch.path().join("away")).unwrap();
    b.remove(&key).await.unwrap();
    held.unlock().unwrap();
    assert_eq!(late.await.unwrap(), Stored::Superseded(Reason::Gone));
    assert_eq!(value(&b, "k").await, None);
}

#[tokio::test]
async fn a_lock_file_of_an_absurd_length_is_not_read_as_a_whole() {
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    set(&backend, "k", b"v").await;
    let lock = scratch.file().with_file_name(".folder");
    let lock = OpenOptions::new().write(true).open(lock).unwrap();
    lock.set_len(1 << 42).unwrap();
    backend.remove(&key("k")).await.unwrap();
    let token = lead(&backend, "k").await;
    assert_eq!(store(&backend, "k", &token).await, Stored::Stored);
}

#[tokio::test]
async fn what_lies_among_the_owners_and_cannot_be_removed_keeps_nobody_from_leading() {
    let scratch = Scratch::new();
    let owners = scratch.cache().join("v1/owners");
    std::fs::create_dir_all(owners.join("0123456789abcdef/in")).unwrap();
    set_permissions(scratch.cache(), PermissionsExt::from_mode(0o700)).unwrap();
    let backend = FileBackend::new(scratch.config()).unwrap();
    lead(&backend, "k").await;
}
