//! What a line of the contract acts on: the backend, keys of its own, and time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Failure, Suite, ensure};
use crate::backend::{Backend, Found, Lead, Lookup, Renewed, Stored, Token, Ttl, Want};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::key::StoreKey;

/// Longer than a run: what must not go by itself while a line looks at it.
pub(super) const LONG: Ttl = Ttl::from_secs(300);

/// A read that leads, with a hold that outlasts the line.
pub(super) const LEAD: Want = Want::Lead {
    hold: LONG,
    early: Duration::ZERO,
    patience: Duration::ZERO,
};

/// How late a real store may be beyond its resolution: a busy machine, a tick of its clock.
const SLACK: Duration = Duration::from_secs(1);

/// How long a real store is left alone between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// How much of the time between two looks counts at most: of a machine that stood still, the clock of
/// a store may hear late.
const MOST: Duration = Duration::from_millis(200);

/// The backend as one line sees it.
#[derive(Clone)]
pub(super) struct Scene {
    pub(super) suite: Suite,
    line: &'static str,
}

impl Scene {
    pub(super) const fn new(suite: Suite, line: &'static str) -> Self {
        Self { suite, line }
    }

    pub(super) fn backend(&self) -> &Arc<dyn Backend> {
        &self.suite.backend
    }

    /// A key that only this line of this run uses.
    pub(super) fn key(&self, name: &str) -> StoreKey {
        let text = format!("{}:{name}", self.head());
        StoreKey::new(text).expect("names of lines and keys are printable")
    }

    /// The same entry in `release`.
    pub(super) fn key_of_release(&self, release: &str, name: &str) -> StoreKey {
        StoreKey::of_release(&self.head(), release, name)
            .expect("names of lines and keys are printable")
    }

    fn head(&self) -> String {
        format!("conformance-{:016x}:{}", self.suite.run, self.line)
    }

    /// Sets `value` for long, without a lead.
    pub(super) async fn set(&self, key: &StoreKey, value: &str) -> Result<(), Failure> {
        self.set_for(key, value, LONG).await
    }

    pub(super) async fn set_for(
        &self,
        key: &StoreKey,
        value: &str,
        ttl: Ttl,
    ) -> Result<(), Failure> {
        let value = Bytes::copy_from_slice(value.as_bytes());
        let stored = self.backend().set(key, value, ttl, None).await?;
        ensure!(
            stored == Stored::Stored,
            "a set without a token gave {stored:?}"
        );
        Ok(())
    }

    pub(super) async fn set_with(
        &self,
        key: &StoreKey,
        value: &str,
        token: &Token,
    ) -> Result<Stored> {
        let value = Bytes::copy_from_slice(value.as_bytes());
        self.backend().set(key, value, LONG, Some(token)).await
    }

    /// What a reader finds that does not want the lead.
    pub(super) async fn found(&self, key: &StoreKey) -> Result<Option<Found>> {
        Ok(self.backend().get(key, Want::Value).await?.found)
    }

    /// The value under `key` is `value`, fresh.
    pub(super) async fn expect(&self, key: &StoreKey, value: &str) -> Result<(), Failure> {
        let found = self.found(key).await?;
        let holds = found
            .as_ref()
            .is_some_and(|found| found.value == value && !found.stale);
        ensure!(holds, "expected {value:?}, fresh, and found {found:?}");
        Ok(())
    }

    /// Nothing is found under `key`.
    pub(super) async fn expect_none(&self, key: &StoreKey) -> Result<(), Failure> {
        let found = self.found(key).await?;
        ensure!(found.is_none(), "expected nothing and found {found:?}");
        Ok(())
    }

    /// What a reader finds that wants the lead for long.
    pub(super) async fn lead(&self, key: &StoreKey) -> Result<Lookup> {
        self.backend().get(key, LEAD).await
    }

    /// Takes the lead, which must be free.
    pub(super) async fn take_lead(&self, key: &StoreKey) -> Result<Token, Failure> {
        self.take_lead_for(key, LONG).await
    }

    pub(super) async fn take_lead_for(&self, key: &StoreKey, hold: Ttl) -> Result<Token, Failure> {
        let want = Want::Lead {
            hold,
            early: Duration::ZERO,
            patience: Duration::ZERO,
        };
        match self.backend().get(key, want).await?.lead {
            Lead::Mine(token) => Ok(token),
            other => Err(Failure::new(format!(
                "expected to be given the lead, not {other:?}"
            ))),
        }
    }

    /// Prolongs a lead for long that was taken for the shortest hold, after `began`. False if the
    /// machine was busy for half of that hold since: it may be over.
    pub(super) async fn prolongs(
        &self,
        key: &StoreKey,
        token: &Token,
        began: u64,
    ) -> Result<bool, Failure> {
        let renewed = self.backend().renew(key, token, LONG).await?;
        let took = Duration::from_millis(Clock::system().monotonic_ms() - began);
        let late = took > self.suite.short().duration() / 2;
        ensure!(
            late || renewed == Renewed::Held,
            "{renewed:?} after {took:?}"
        );
        Ok(renewed == Renewed::Held)
    }

    /// `ttl` rounded up to the store's resolution.
    pub(super) fn rounded(&self, ttl: Ttl) -> Duration {
        let unit = self.suite.resolution.as_nanos().max(1);
        let nanos = ttl.duration().as_nanos().div_ceil(unit) * unit;
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// A wait of at most `limit`, from now.
    pub(super) fn wait(&self, limit: Duration) -> Wait {
        match &self.suite.clock {
            Some(_) => Wait {
                scene: self.clone(),
                limit,
                looked: 0,
                passed: Duration::ZERO,
            },
            None => Wait {
                scene: self.clone(),
                limit: limit + SLACK,
                looked: Clock::system().monotonic_ms(),
                passed: Duration::ZERO,
            },
        }
    }

    /// Waits until an entry set now for `ttl` is gone, by the store's own account.
    pub(super) async fn outlive(&self, ttl: Ttl) -> Result<(), Failure> {
        let witness = self.key("witness");
        self.set_for(&witness, "witness", ttl).await?;
        let mut wait = self.wait(self.rounded(ttl));
        while self.found(&witness).await?.is_some() {
            ensure!(
                wait.goes_on().await,
                "an entry was served after its ttl of {ttl:?}"
            );
        }
        Ok(())
    }
}

/// Time that passes between looks, up to a limit. A look that begins at the limit is the last.
pub(super) struct Wait {
    scene: Scene,
    limit: Duration,
    /// When the last look began.
    looked: u64,
    /// How much had passed by then.
    passed: Duration,
}

impl Wait {
    /// Lets a little time pass; false once a look has begun at the limit or later. That a look took
    /// its time on a busy machine says nothing of what it saw.
    pub(super) async fn goes_on(&mut self) -> bool {
        if self.passed >= self.limit {
            return false;
        }
        match &self.scene.suite.clock {
            Some(clock) => {
                let step = (self.limit / 8).max(Duration::from_nanos(1));
                let step = step.min(self.limit - self.passed);
                clock.advance(step);
                self.passed += step;
            }
            None => {
                let clock = Clock::system();
                clock.sleep(PAUSE).await;
                let now = clock.monotonic_ms();
                self.passed += Duration::from_millis(now - self.looked).min(MOST);
                self.looked = now;
            }
        }
        true
    }
}

/// Polls `future` up to `polls` times, then drops it.
pub(super) async fn abandon<T>(
    future: impl Future<Output = Result<T, Error>> + Send,
    polls: usize,
) {
    let mut future = Box::pin(future);
    for _ in 0..polls {
        let once =
            std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_ready()));
        if once.await {
            return;
        }
        tokio::task::yield_now().await;
    }
}
