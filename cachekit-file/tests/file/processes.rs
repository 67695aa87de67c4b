//! Who computes, between processes: one for each key, while it lives, and unless something newer
//! happened.

use bytes::Bytes;
use cachekit_core::backend::{Backend, Lead, Stored};
use cachekit_file::{Config, FileBackend};

use crate::child::{self, Process, say};
use crate::scratch::{LEADING, LONG, Scratch, key, patiently, set, value};

/// Every key is computed by whoever leads; the others look again and again until it is there.
async fn compute_all(config: Config) {
    let backend = FileBackend::new(config).unwrap();
    for number in 0..50 {
        let key = key(&format!("computed:{number}"));
        loop {
            let lookup = patiently(async || backend.get(&key, LEADING).await).await;
            match lookup.lead {
                Lead::None => break assert_eq!(lookup.found.unwrap().value, "v"),
                Lead::Mine(token) => {
                    say("computed");
                    let value = Bytes::from("v");
                    let set = async || backend.set(&key, value.clone(), LONG, Some(&token)).await;
                    assert_eq!(patiently(set).await, Stored::Stored);
                }
                Lead::Other => std::thread::yield_now(),
                lead @ Lead::Unfenced(_) => panic!("{lead:?}"),
            }
        }
    }
}

#[tokio::test]
async fn eight_processes_that_want_the_same_keys_compute_each_once() {
    const THIS: &str = "processes::eight_processes_that_want_the_same_keys_compute_each_once";
    if let Some(config) = child::config() {
        return compute_all(config).await;
    }
    let scratch = Scratch::new();
    let start = |seed| Process::start(THIS, &scratch.cache(), seed);
    let mut processes: Vec<_> = (0..8).map(start).collect();
    let computed: usize = processes
        .iter_mut()
        .map(|process| process.output().count())
        .sum();
    assert_eq!(computed, 50);
    for process in processes {
        process.succeeds();
    }
}

/// Leads, and then does what it is let do.
async fn lead_for_ever(config: Config) {
    let backend = FileBackend::new(config).unwrap();
    let lookup = backend.get(&key("k"), LEADING).await.unwrap();
    assert!(matches!(lookup.lead, Lead::Mine(_)), "{lookup:?}");
    say("leads");
    std::future::pending().await
}

#[tokio::test]
async fn the_lead_of_a_process_stands_while_it_lives_and_is_taken_over_at_once_when_it_is_killed() {
    const THIS: &str = "processes::the_lead_of_a_process_stands_while_it_lives_and_is_taken_over_at_once_when_it_is_killed";
    if let Some(config) = child::config() {
        return lead_for_ever(config).await;
    }
    for stale in [false, true] {
        let scratch = Scratch::new();
        let backend = FileBackend::new(scratch.config()).unwrap();
        if stale {
            set(&backend, "k", b"old").await;
            backend.expire(&key("k")).await.unwrap();
        }
        let mut process = Process::start(THIS, &scratch.cache(), 0);
        assert_eq!(process.output().next().unwrap(), "leads");
        let lead = async || backend.get(&key("k"), LEADING).await.unwrap();
        assert_eq!(lead().await.lead, Lead::Other);
        process.stop();
        assert!(process.stands());
        assert_eq!(lead().await.lead, Lead::Other, "it lives, and may go on");
        drop(process);

        let lookup = lead().await;
        assert!(lookup.taken_over);
        assert_eq!(lookup.found.is_some(), stale);
        let Lead::Mine(token) = lookup.lead else {
            panic!("the dead do not lead: {lookup:?}");
        };
        assert_eq!(lead().await.lead, Lead::Other);
        let value = Bytes::from("new");
        let stored = backend.set(&key("k"), value, LONG, Some(&token)).await;
        assert_eq!(stored.unwrap(), Stored::Stored);
        assert_eq!(lead().await.lead, Lead::None);
    }
}

/// Leads for each key, and sets it when it is let go on.
async fn compute_slowly(config: Config) {
    let go = config.directory.with_file_name("go");
    let backend = FileBackend::new(config).unwrap();
    let mut tokens = Vec::new();
    for text in ["expired", "removed", "set", "left"] {
        let lookup = backend.get(&key(text), LEADING).await.unwrap();
        tokens.push((text, lookup.lead.token().expect("nobody else leads")));
    }
    say("leads");
    while !go.exists() {
        tokio::task::yield_now().await;
    }
    for (text, token) in tokens {
        let value = Bytes::from("computed");
        let stored = backend.set(&key(text), value, LONG, Some(&token)).await;
        let is_stored = stored.unwrap() == Stored::Stored;
        assert_eq!(is_stored, text == "left", "{text}");
    }
}

#[tokio::test]
async fn what_another_process_did_meanwhile_beats_a_computation_that_began_before() {
    const THIS: &str =
        "processes::what_another_process_did_meanwhile_beats_a_computation_that_began_before";
    if let Some(config) = child::config() {
        return compute_slowly(config).await;
    }
    let scratch = Scratch::new();
    let backend = FileBackend::new(scratch.config()).unwrap();
    for text in ["expired", "removed", "set", "left"] {
        set(&backend, text, b"old").await;
        backend.expire(&key(text)).await.unwrap();
    }
    let mut process = Process::start(THIS, &scratch.cache(), 0);
    let mut output = process.output();
    assert_eq!(output.next().unwrap(), "leads");
    backend.expire(&key("expired")).await.unwrap();
    backend.remove(&key("removed")).await.unwrap();
    set(&backend, "set", b"newer").await;
    std::fs::write(scratch.path().join("go"), b"").unwrap();
    assert_eq!(output.next(), None);
    process.succeeds();
    assert_eq!(value(&backend, "expired").await.unwrap(), "old");
    assert_eq!(value(&backend, "removed").await, None);
    assert_eq!(value(&backend, "set").await.unwrap(), "newer");
    assert_eq!(value(&backend, "left").await.unwrap(), "computed");
}
