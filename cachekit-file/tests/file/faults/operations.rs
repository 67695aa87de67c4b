//! What is done while a system call fails, and what may come of it.

use bytes::Bytes;
use cachekit_core::backend::{Backend, Lead, Token, Want};
use cachekit_core::error::{ErrorKind, Result};
use cachekit_file::{Config, FileBackend, SyncMode};

use crate::scratch::{LEADING, LONG, Scratch, at_once, key};

/// The one that leaves nothing.
pub(super) const CLEAR: &str = "clear";

const MAX_VALUE: usize = 1 << 20;

/// A directory in which `k` is old.
pub(super) struct Ready {
    _scratch: Scratch,
    config: Config,
    /// Of a process that did nothing yet.
    backend: FileBackend,
    /// Of one that leads.
    leader: FileBackend,
    led: Token,
}

/// What is found of `k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Old,
    Stale,
    New,
    Gone,
}

pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) run: fn(&Ready) -> Result<()>,
    /// What `k` is if it succeeds, and may be if not.
    pub(super) turns: State,
}

const fn operation(name: &'static str, turns: State, run: fn(&Ready) -> Result<()>) -> Operation {
    Operation { name, run, turns }
}

pub(super) const OPERATIONS: &[Operation] = &[
    operation("get", State::Old, |ready| {
        let lookup = at_once(ready.backend.get(&key("k"), Want::Value))?;
        assert_eq!(lookup.found.expect("it is there").value, "old");
        Ok(())
    }),
    operation("get of a large value", State::Old, |ready| {
        let lookup = at_once(ready.backend.get(&key("large"), Want::Value))?;
        assert_eq!(lookup.found.expect("it is there").value, large());
        Ok(())
    }),
    operation("get of what is not there", State::Old, |ready| {
        let lookup = at_once(ready.backend.get(&key("none"), Want::Value))?;
        assert_eq!(lookup.found, None);
        Ok(())
    }),
    operation("get with the lead", State::Old, |ready| {
        let lookup = at_once(ready.backend.get(&key("none"), LEADING))?;
        assert_eq!(lookup.found, None);
        assert!(matches!(lookup.lead, Lead::Mine(_)));
        Ok(())
    }),
    operation("set", State::New, |ready| {
        set(&ready.backend, "k", "new".into())
    }),
    operation("set of a large value", State::New, |ready| {
        set(&ready.backend, "k", large())
    }),
    operation("set of a new key", State::Old, |ready| {
        set(&ready.backend, "n", "new".into())
    }),
    operation("set with a lead", State::Old, |ready| {
        let (value, lead) = (Bytes::from("new"), Some(&ready.led));
        at_once(ready.leader.set(&key("led"), value, LONG, lead)).map(|_| ())
    }),
    operation("set of too large a value", State::Gone, |ready| {
        let value = Bytes::from(vec![b'x'; MAX_VALUE + 1]);
        match set(&ready.backend, "k", value) {
            Err(error) if error.kind() == ErrorKind::TooLarge => Ok(()),
            other => other,
        }
    }),
    operation("expire", State::Stale, |ready| {
        at_once(ready.backend.expire(&key("k")))
    }),
    operation("remove", State::Gone, |ready| {
        at_once(ready.backend.remove(&key("k")))
    }),
    operation("renew", State::Old, |ready| {
        at_once(ready.leader.renew(&key("led"), &ready.led, LONG)).map(|_| ())
    }),
    operation("release", State::Old, |ready| {
        at_once(ready.leader.release(&key("led"), &ready.led))
    }),
    operation(CLEAR, State::Gone, |ready| ready.backend.clear()),
    operation("verify", State::Old, |ready| {
        ready.backend.verify(|_| ()).map(|_| ())
    }),
    operation("health", State::Old, |ready| {
        at_once(ready.backend.health());
        Ok(())
    }),
];

/// One that is written apart.
fn large() -> Bytes {
    Bytes::from(vec![b'l'; 150_000])
}

fn set(backend: &FileBackend, text: &str, value: Bytes) -> Result<()> {
    at_once(backend.set(&key(text), value, LONG, None)).map(|_| ())
}

impl Ready {
    pub(super) fn new(sync: SyncMode) -> Self {
        let scratch = Scratch::new();
        let config = Config {
            max_value: MAX_VALUE as u64,
            sync,
            ..scratch.config()
        };
        let leader = FileBackend::new(config.clone()).unwrap();
        for (text, value) in [
            ("k", "older".into()),
            ("k", "old".into()),
            ("large", large()),
        ] {
            set(&leader, text, value).unwrap();
        }
        let lookup = at_once(leader.get(&key("led"), LEADING)).unwrap();
        Self {
            backend: FileBackend::new(config.clone()).unwrap(),
            led: lookup.lead.token().unwrap(),
            leader,
            config,
            _scratch: scratch,
        }
    }

    /// What is found of `k`, by a process that knows nothing.
    pub(super) fn state(&self) -> State {
        let other = FileBackend::new(self.config.clone()).unwrap();
        let seen = [&self.backend, &other].map(|backend| {
            let lookup = at_once(backend.get(&key("k"), Want::Value)).unwrap();
            match lookup.found {
                None => State::Gone,
                Some(found) if found.value == "old" && found.stale => State::Stale,
                Some(found) if found.value == "old" => State::Old,
                Some(found) if found.value == "new" || found.value == large() => State::New,
                Some(found) => panic!("a wrong value: {found:?}"),
            }
        });
        assert_eq!(seen[0], seen[1]);
        seen[0]
    }

    pub(super) fn keeps_others(&self) {
        let large = at_once(self.backend.get(&key("large"), Want::Value)).unwrap();
        assert_eq!(large.found.unwrap().value, self::large());
    }

    /// All that a process does succeeds again, and finds nothing that is damaged.
    pub(super) fn is_well(&self) {
        set(&self.backend, "k", "again".into()).unwrap();
        let again = at_once(self.backend.get(&key("k"), Want::Value)).unwrap();
        assert_eq!(again.found.unwrap().value, "again");
        at_once(self.backend.expire(&key("k"))).unwrap();
        let led = at_once(self.backend.get(&key("k"), LEADING)).unwrap();
        assert!(led.found.unwrap().stale);
        assert!(matches!(led.lead, Lead::Mine(_)));
        at_once(self.backend.remove(&key("k"))).unwrap();
        let report = self.backend.verify(|_| ()).unwrap();
        let strange = report.damaged() + report.unreadable + report.strangers;
        assert_eq!(strange, 0, "{report}");
    }
}
