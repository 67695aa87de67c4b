//! What is killed: says what it is about to do, does it, and says that it did.

use std::sync::atomic::{AtomicU64, Ordering};

use cachekit_core::backend::{Backend, Lead, Stored, Token};
use cachekit_file::{Config, FileBackend};

use super::{AT_ONCE, KEYS, name};
use crate::chance::Chance;
use crate::child::{self, say};
use crate::described::Described;
use crate::scratch::{LEADING, LONG};

/// Some values are larger than a file that is used again.
const LARGE: u64 = 400_000;

/// One of those who write at once in one process, each on keys of its own.
struct Writer<'a> {
    backend: &'a FileBackend,
    versions: &'a AtomicU64,
    chance: Chance,
    own: u64,
}

impl Writer<'_> {
    async fn write_until_killed(mut self) {
        loop {
            let number = self.chance.below(KEYS / AT_ONCE) * AT_ONCE + self.own;
            match self.chance.below(10) {
                0..=4 => self.set(number, None).await,
                5 => {
                    say(&format!("expire {number}"));
                    self.backend.expire(&name(number)).await.unwrap();
                    say(&format!("did {number}"));
                }
                6 => {
                    say(&format!("remove {number}"));
                    self.backend.remove(&name(number)).await.unwrap();
                    say(&format!("did {number}"));
                }
                _ => self.lead(number).await,
            }
        }
    }

    async fn set(&mut self, number: u64, lead: Option<Token>) {
        let version = self.versions.fetch_add(1, Ordering::Relaxed);
        let described = Described {
            key: number,
            version,
        };
        let value = described.value(self.chance.length(LARGE));
        say(&format!("set {number} {version}"));
        let key = name(number);
        let stored = self.backend.set(&key, value, LONG, lead.as_ref()).await;
        assert_eq!(stored.unwrap(), Stored::Stored);
        say(&format!("did {number}"));
    }

    async fn lead(&mut self, number: u64) {
        say(&format!("lead {number}"));
        let lookup = self.backend.get(&name(number), LEADING).await.unwrap();
        if let Some(found) = lookup.found {
            assert_eq!(
                Described::read(&found.value).map(|said| said.key),
                Some(number)
            );
        }
        match lookup.lead {
            Lead::None => say(&format!("did {number}")),
            Lead::Mine(token) => self.set(number, Some(token)).await,
            lead => panic!("nobody who lives leads: {lead:?}"),
        }
    }
}

pub(super) async fn write_until_killed(config: Config) {
    let backend = FileBackend::new(config).unwrap();
    let versions = AtomicU64::new(child::seed());
    let writer = |own| Writer {
        backend: &backend,
        versions: &versions,
        chance: Chance::new(child::seed() + own),
        own,
    };
    let [first, second, third] = [0, 1, 2].map(|own| writer(own).write_until_killed());
    tokio::join!(first, second, third);
}
