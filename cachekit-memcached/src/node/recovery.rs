//! What has to be done before a node is called again: it is reached, gets the deletions that it is
//! owed, and tells from where on its items are believed.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use cachekit_core::error::ErrorKind;
use tokio::sync::watch;
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::backoff::Backoff;
use super::owed::{Debt, Reason};
use super::{Link, Node, runtime};
use crate::connection::{Answer, Lost};
use crate::error::Failure;
use crate::protocol::{Code, Delete, Exptime, Get, Key, Mode, Request, Set};

/// As many deletions are in flight at once, so that they do not fill the connection.
const WINDOW: usize = 1_024;
/// A recovery that has not ended after this many timeouts stands on a runtime that nobody drives.
const PATIENCE: u32 = 10;
/// The item of the write that tells the CAS number. Its time only has to last until it is read.
const MARK: &str = "cachekit:mark";
const MARK_TTL: Duration = Duration::from_secs(10);

/// A recovery that is under way, or over.
#[derive(Clone, Debug)]
pub(super) struct Recovery {
    outcome: watch::Receiver<Option<Result<(), Failure>>>,
    until: Instant,
}

impl Recovery {
    /// Whether it is under way on a runtime that lives and, as far as one can tell, is driven.
    fn is_under_way(&self) -> bool {
        self.outcome.borrow().is_none()
            && self.outcome.has_changed().is_ok()
            && Instant::now() < self.until
    }

    /// Waits for its end.
    ///
    /// Cancel safety: it goes on without this waiter.
    async fn outcome(mut self) -> Result<(), Failure> {
        match self.outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().expect("it was waited for"),
            Err(_) => Err(Failure::new(ErrorKind::Unavailable, "its runtime ended")),
        }
    }
}

impl Node {
    /// Whether calls may go to this node: it is not down, owed nothing, and there is no doubt about
    /// what it holds.
    pub(super) fn is_ready(&self) -> bool {
        !self.health.is_down() && self.owed.is_empty() && !self.trust.is_doubtful()
    }

    /// Waits until calls may go to this node. One that is down fails at once.
    ///
    /// Cancel safety: the recovery goes on, for whoever comes next.
    pub(super) async fn ready(self: &Arc<Self>, deadline: Instant) -> Result<(), Failure> {
        while !self.is_ready() {
            if !self.is_up() {
                // The prober may be a task of a runtime that runs only while it is called.
                yield_now().await;
                return Err(Failure::new(ErrorKind::Unavailable, "down").at(&self.name));
            }
            let seen = self.health.failures();
            let (recovery, _) = self.recovery()?;
            match timeout_at(deadline, recovery.outcome()).await {
                Ok(outcome) => outcome?,
                Err(_) => {
                    let detail = "what it is owed was not answered in time";
                    return Err(self.failed(seen, Failure::new(ErrorKind::Timeout, detail)));
                }
            }
        }
        Ok(())
    }

    /// Tries once, without waiting for the prober, to bring back a node that is down.
    pub(super) async fn revive(self: &Arc<Self>, deadline: Instant) -> Result<(), Failure> {
        loop {
            let (recovery, mine) = self.recovery()?;
            let outcome = timeout_at(deadline, recovery.outcome()).await;
            match outcome {
                Ok(outcome) if mine || outcome.is_ok() => return outcome,
                // It was begun by another, perhaps before the node was there again.
                Ok(_) => {}
                Err(_) => {
                    let late = Failure::new(ErrorKind::Timeout, "no connection in time");
                    return Err(late.at(&self.name));
                }
            }
        }
    }

    /// The item of `key` has to be deleted before this node is called again, because an
    /// invalidation did not arrive. `false` if there is no room to remember it.
    pub(crate) fn owe(&self, key: &Key<'_>, debt: Debt) -> bool {
        self.remember(key, debt, Reason::Invalidation)
    }

    /// The same, because a write did not arrive or went elsewhere. Where there is no room to
    /// remember it, everything that the node holds is doubtful.
    pub(crate) fn owe_write(&self, key: &Key<'_>, debt: Debt) {
        if !self.remember(key, debt, Reason::Write) {
            self.trust.forget();
        }
    }

    /// Nothing here is old, and yet what `debt` says of a stand-in has to go. Where there is no room
    /// to remember it, it ends by itself.
    pub(crate) fn stood_in(&self, key: &Key<'_>, debt: Debt) {
        self.remember(key, debt, Reason::Write);
    }

    fn remember(&self, key: &Key<'_>, debt: Debt, reason: Reason) -> bool {
        let added = self.owed.add(key, debt, reason);
        if let Ok(Some(former)) = &added {
            former.owe(key);
        }
        added.is_ok()
    }

    /// The recovery that is under way, or else a new one, and whether it is new.
    fn recovery(self: &Arc<Self>) -> Result<(Recovery, bool), Failure> {
        let runtime = runtime()?;
        let mut recovery = self.recovery.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(recovery) = &*recovery
            && recovery.is_under_way()
        {
            return Ok((recovery.clone(), false));
        }
        let (done, outcome) = watch::channel(None);
        let until = Instant::now() + self.connect_timeout + self.timeout * PATIENCE;
        let new = Recovery { outcome, until };
        *recovery = Some(new.clone());
        let node = Arc::clone(self);
        runtime.spawn(async move {
            let outcome = node.recover().await;
            let _ = done.send(Some(outcome));
        });
        Ok((new, true))
    }

    async fn recover(self: Arc<Self>) -> Result<(), Failure> {
        self.health.probing();
        match self.settle().await {
            Ok(()) => {
                if self.health.recovered(&self.trust) {
                    self.tell_up();
                }
                Ok(())
            }
            Err(failure) => {
                if self.health.probe_failed(failure.detail()) {
                    self.tell_ejected();
                }
                Err(failure)
            }
        }
    }

    /// All that calls wait for. What lies in old sockets comes first, then the connection: the
    /// greeting of a new one is answered only by a server that goes on.
    async fn settle(self: &Arc<Self>) -> Result<(), Failure> {
        self.pass_barrier().await?;
        let link = self.live_link().await?;
        loop {
            self.replay(&link).await?;
            let Some(doubts) = self.trust.doubts() else {
                return Ok(());
            };
            let from = self.mark(&link).await?;
            self.trust.settle(doubts, from);
        }
    }

    /// Waits until every open connection has answered what was sent before, or has ended: a write
    /// that its caller gave up must not be carried out after the deletion that makes up for it.
    async fn pass_barrier(self: &Arc<Self>) -> Result<(), Failure> {
        let seen = self.health.failures();
        let deadline = Instant::now() + self.timeout;
        let links = self.slots.links();
        let connections = links.iter().flat_map(|link| link.connections());
        let busy = connections.filter(|one| one.in_flight() > 0);
        let sent: Vec<_> = busy
            .filter_map(|one| one.send(Request::Noop, deadline).ok())
            .collect();
        for exchange in sent {
            let answer = timeout_at(deadline, exchange).await;
            if matches!(answer, Err(_) | Ok(Err(Lost::Late { .. }))) {
                let late = Failure::new(ErrorKind::Timeout, "no reply in time");
                return Err(self.failed(seen, late));
            }
        }
        Ok(())
    }

    async fn live_link(self: &Arc<Self>) -> Result<Arc<Link>, Failure> {
        let runtime = runtime()?;
        if self.health.is_down() {
            let link = self.reach().await?;
            self.slots.keep(&runtime, Arc::clone(&link));
            return Ok(link);
        }
        self.attempt(&runtime).outcome().await
    }

    /// Delivers everything that is owed.
    async fn replay(self: &Arc<Self>, link: &Link) -> Result<(), Failure> {
        let mut count = 0;
        loop {
            let debts = self.owed.some(WINDOW);
            if debts.is_empty() {
                self.tell_replayed(count);
                return Ok(());
            }
            let deadline = Instant::now() + self.timeout;
            let sent: Result<Vec<_>, Failure> = debts
                .iter()
                .map(|(key, debt)| {
                    let sent = debt
                        .is_open()
                        .then(|| self.send(link, delete(key), deadline));
                    sent.transpose()
                })
                .collect();
            for (sent, (key, debt)) in sent?.into_iter().zip(&debts) {
                if let Some(sent) = sent {
                    expect(&sent.await?, &[Code::Done, Code::NotFound])?;
                    self.counters.replayed.fetch_add(1, Ordering::Relaxed);
                    count += 1;
                }
                if let Some(stand_in) = debt.stand_in() {
                    stand_in.owe(key);
                }
                self.owed.delivered(key, debt);
            }
        }
    }

    /// Writes an item, and returns its CAS number; `None` if the server counts none.
    async fn mark(self: &Arc<Self>, link: &Link) -> Result<Option<u64>, Failure> {
        let deadline = Instant::now() + self.timeout;
        let set = Request::Set(Set {
            key: self.mark.borrowed(),
            value: Bytes::from_static(b"-"),
            exptime: Exptime::of(MARK_TTL),
            client_flags: 0,
            cas: None,
            mode: Mode::Set,
        });
        expect(&self.call(link, set, deadline).await?, &[Code::Done])?;
        // Before 1.6.13 the reply to a write does not tell the right number.
        let read = Request::Get(Get {
            key: self.mark.borrowed(),
            // Classic commands tell the number only together with the value.
            value: true,
            left: false,
            vivify: None,
            touch: None,
        });
        let answer = self.call(link, read, deadline).await?;
        expect(&answer, &[Code::Value])?;
        let cas = answer.meta().and_then(|meta| meta.cas);
        Ok(cas.filter(|&cas| cas != 0))
    }

    /// Starts the prober unless one is at work.
    pub(super) fn probe_when_due(self: &Arc<Self>) {
        if let Ok(runtime) = runtime()
            && self.health.claim_probe(self.connect_timeout)
        {
            runtime.spawn(probe(Arc::downgrade(self)));
        }
    }
}

/// Tries to bring back a node that is down, again and again, until it is up or nobody has it any
/// more. If its runtime ends or stands still, a later call starts another.
async fn probe(node: Weak<Node>) {
    let mut backoff = Backoff::default();
    while let Some(pause) = announce(&node, &mut backoff) {
        tokio::time::sleep(pause).await;
        let Some(node) = node.upgrade() else { return };
        if node.health.is_down()
            && let Ok((recovery, _)) = node.recovery()
        {
            let _ = recovery.outcome().await;
        }
    }
}

/// How long to wait before the next probe, said to others as well; `None` if none is needed.
fn announce(node: &Weak<Node>, backoff: &mut Backoff) -> Option<Duration> {
    let node = node.upgrade()?;
    if !node.health.is_down() {
        node.health.probed();
        return None;
    }
    let pause = backoff.next();
    node.health
        .probe_within(pause + node.connect_timeout + node.timeout * PATIENCE);
    Some(pause)
}

/// The item that tells the CAS number, under `prefix`.
pub(super) fn mark(prefix: &str) -> Key<'static> {
    Key::new(format!("{prefix}{MARK}").into_bytes()).expect("a checked prefix leaves room")
}

fn delete<'k>(key: &'k Key<'_>) -> Request<'k> {
    Request::Delete(Delete {
        key: key.borrowed(),
        cas: None,
        stale: false,
    })
}

fn expect(answer: &Answer, codes: &[Code]) -> Result<(), Failure> {
    match answer.meta() {
        Some(meta) if codes.contains(&meta.code) => Ok(()),
        _ => Err(Failure::new(
            ErrorKind::Protocol,
            "expected the reply to another command",
        )),
    }
}
