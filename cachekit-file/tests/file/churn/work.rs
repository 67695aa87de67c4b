//! What one process does: everything, at random.

use std::time::Duration;

use cachekit_core::backend::{Backend, Lead, NewEntry, Token, Ttl, Want};
use cachekit_core::error::{ErrorKind, Result};
use cachekit_file::{Config, FileBackend};

use super::{KEYS, check, config, name, over};
use crate::chance::Chance;
use crate::child::{self, say};
use crate::described::Described;
use crate::scratch::LONG;

/// With this length of the largest, the values of all keys are twice what the cap allows.
const LARGE: u64 = 1_500_000;

/// What a process does before it says that it gets on.
pub(super) const STEPS: u64 = 10;

/// Of so many calls of one whom nobody disturbs, not one fails for a lock, as a rule.
const OFTEN: u64 = 100;

/// Whether a process is told when it has to give way to one that was stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Disturbed {
    No,
    Yes,
}

/// What one process does.
struct Churn {
    backend: FileBackend,
    disturbed: Disturbed,
    chance: Chance,
    version: u64,
    /// How many calls came to something, and how many to nothing.
    done: u64,
    undone: u64,
}

impl Churn {
    fn entry(&mut self) -> NewEntry {
        let number = self.chance.below(KEYS);
        self.version += 1;
        let described = Described {
            key: number,
            version: self.version,
        };
        NewEntry {
            key: name(number),
            value: described.value(self.chance.length(LARGE)),
            ttl: if self.chance.below(10) == 0 {
                Ttl::from_millis(50)
            } else {
                LONG
            },
            lead: None,
        }
    }

    async fn step(&mut self) {
        let number = self.chance.below(KEYS);
        match self.chance.below(20) {
            0..=6 => {
                let entry = self.entry();
                let set = self.backend.set(&entry.key, entry.value, entry.ttl, None);
                self.done(set.await);
            }
            7 => {
                let entries = std::iter::repeat_with(|| self.entry()).take(5).collect();
                for stored in self.backend.set_many(entries).await {
                    self.done(stored);
                }
            }
            8..=12 => self.get(number, Want::Value).await,
            13..=15 => self.get(number, self.leading()).await,
            16 | 17 => drop(self.done(self.backend.expire(&name(number)).await)),
            18 => drop(self.done(self.backend.remove(&name(number)).await)),
            _ => {
                let numbers: Vec<_> = (number..KEYS.min(number + 10)).collect();
                let keys: Vec<_> = numbers.iter().copied().map(name).collect();
                let found = self.backend.get_many(&keys, Want::Value).await;
                for (number, lookup) in numbers.into_iter().zip(found) {
                    self.done(lookup.map(|lookup| check(number, &lookup)));
                }
            }
        }
    }

    fn leading(&self) -> Want {
        Want::Lead {
            hold: Ttl::from_millis(500),
            early: Duration::ZERO,
            patience: Duration::ZERO,
        }
    }

    async fn get(&mut self, number: u64, want: Want) {
        let Some(lookup) = self.done(self.backend.get(&name(number), want).await) else {
            return;
        };
        check(number, &lookup);
        if let Lead::Mine(token) = lookup.lead {
            self.compute(number, token).await;
        }
    }

    async fn compute(&mut self, number: u64, token: Token) {
        let key = name(number);
        self.version += 1;
        let version = self.version;
        let value = Described {
            key: number,
            version,
        }
        .value(self.chance.length(LARGE));
        match self.chance.below(10) {
            0 => {}
            1 => drop(self.done(self.backend.release(&key, &token).await)),
            2 => drop(self.done(self.backend.renew(&key, &token, LONG).await)),
            _ => drop(self.done(self.backend.set(&key, value, LONG, Some(&token)).await)),
        }
    }

    /// What was done. Beside processes that are stopped, it may be that it could not be; and beside
    /// others now and then, where a disk is so slow that one of them has a lock for too long.
    fn done<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(done) => {
                self.done += 1;
                Some(done)
            }
            Err(error) => {
                self.undone += 1;
                let often = self.undone * OFTEN > self.done + 3 * OFTEN;
                let may_fail = self.disturbed == Disturbed::Yes || !often;
                assert!(may_fail && error.kind() == ErrorKind::Timeout, "{error:?}");
                None
            }
        }
    }
}

pub(super) async fn churn(directory: Config, disturbed: Disturbed) {
    let over = over(&directory.directory);
    let mut churn = Churn {
        backend: FileBackend::new(config(directory)).unwrap(),
        disturbed,
        chance: Chance::new(child::seed()),
        version: child::seed() << 32,
        done: 0,
        undone: 0,
    };
    while !over.exists() {
        for _ in 0..STEPS {
            churn.step().await;
        }
        say("on");
    }
    say("over");
}
