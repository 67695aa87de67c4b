//! The lead of one computation: kept alive while it runs, used once to store, handed back if it
//! is not used.

use std::sync::Arc;
use std::time::Duration;

use crate::backend::{Lead, NewEntry, Renewed, Stored, Token, Ttl};
use crate::background::AbortOnDrop;
use crate::cache::Inner;
use crate::cache::asking::{self, Asking};
use crate::cache::function::Function;
use crate::cache::stats::Event;
use crate::envelope::{self, Header, TagVersion};
use crate::error::{ErrorKind, Result};
use crate::key::StoreKey;

/// How long a lead stands unless it is renewed. A dead leader is to be replaced, and the new one to
/// be done, before those give up who wait for ten seconds.
pub(crate) const HOLD: Ttl = Ttl::from_secs(6);
/// How often it is renewed: where one renewal fails, the next one is still in time.
const RENEWAL: Duration = Duration::from_secs(2);

/// The right to store one result.
#[derive(Debug)]
pub(crate) struct Leading {
    inner: Arc<Inner>,
    function: &'static Function,
    key: StoreKey,
    right: Right,
    /// Renews the lead until the computation is over.
    renewal: Option<AbortOnDrop<()>>,
}

/// What may be written.
#[derive(Debug)]
pub(crate) enum Right {
    /// A result that nothing newer has overtaken.
    Fenced(Token),
    /// Any result, as far as the store can tell; it keeps other processes waiting.
    Leased(Token),
    /// Any result: the store cannot fence, and others may compute as well.
    Unfenced,
    /// Nothing: the store is away, another leads, or the entry is to be left alone.
    Nothing,
}

impl Right {
    /// What the answer of a store allows.
    pub(crate) fn of(lead: &Lead) -> Self {
        match lead {
            Lead::Mine(token) => Self::Fenced(token.clone()),
            Lead::Unfenced(Some(token)) => Self::Leased(token.clone()),
            Lead::Unfenced(None) => Self::Unfenced,
            Lead::None | Lead::Other => Self::Nothing,
        }
    }

    /// What the store knows it by.
    pub(crate) fn token(&self) -> Option<&Token> {
        match self {
            Self::Fenced(token) | Self::Leased(token) => Some(token),
            Self::Unfenced | Self::Nothing => None,
        }
    }
}

/// What became of a result.
#[derive(Debug)]
pub(crate) enum Written {
    /// Nothing newer had happened when it was sent.
    Stored,
    /// By a store that cannot say so.
    Unfenced,
    Superseded,
    NotStored,
    /// The same, and others are to know.
    TooLarge(Box<Leading>),
}

impl Leading {
    pub(crate) fn new(
        inner: &Arc<Inner>,
        function: &'static Function,
        key: StoreKey,
        right: Right,
    ) -> Self {
        let renewal = (right.token()).and_then(|token| renewal(inner, function, &key, token));
        Self {
            inner: Arc::clone(inner),
            function,
            key,
            right,
            renewal,
        }
    }

    /// Whether a result would be written that something newer has overtaken.
    pub(crate) fn is_unfenced(&self) -> bool {
        matches!(self.right, Right::Leased(_) | Right::Unfenced)
    }

    /// Whether the store decides if something newer has overtaken a result.
    pub(crate) fn is_fenced(&self) -> bool {
        matches!(self.right, Right::Fenced(_))
    }

    /// Whether a result would be written at all.
    pub(crate) fn may_store(&self) -> bool {
        !matches!(self.right, Right::Nothing)
    }

    /// The entry of which `buffer` is the beginning, as it is to be written; `None`: nothing is.
    pub(crate) fn seal(
        mut self,
        buffer: Vec<u8>,
        header: &Header,
        tags: &[TagVersion],
    ) -> Option<(Self, NewEntry)> {
        self.renewal = None;
        if !self.may_store() {
            return None;
        }
        let entry = NewEntry {
            value: envelope::seal(buffer, header, tags, &self.key),
            key: self.key.clone(),
            ttl: header.whole(),
            lead: self.right.token().cloned(),
        };
        Some((self, entry))
    }

    /// Takes note of what became of the write. A lead that was not used up by it, because it failed
    /// or because its future was dropped, is handed back.
    pub(crate) fn written(mut self, outcome: Result<Stored>) -> Written {
        match outcome {
            Ok(stored) => {
                let unfenced = self.is_unfenced();
                self.right = Right::Nothing;
                self.inner.filled(self.function, stored);
                match stored {
                    Stored::Superseded(_) => Written::Superseded,
                    Stored::Stored if unfenced => Written::Unfenced,
                    Stored::Stored => Written::Stored,
                }
            }
            Err(error) if error.kind() == ErrorKind::TooLarge => {
                self.inner.count(self.function, Event::TooLarge);
                tracing::warn!(key = %self.key.digest(), %error, "value not stored");
                Written::TooLarge(Box::new(self))
            }
            Err(error) => {
                self.inner.backend_failed(self.function, &error);
                Written::NotStored
            }
        }
    }

    /// Leaves `mark` in the place of the entry, so that nobody waits for the next result. Without a
    /// lead, or if it cannot be left, the lead is handed back, and what is `outdated` removed.
    pub(crate) async fn mark(mut self, mark: &Header, outdated: bool) {
        self.renewal = None;
        match self.set_mark(mark).await {
            Some(Ok(_)) => self.right = Right::Nothing,
            Some(Err(_)) | None => self.hand_back(outdated).await,
        }
    }

    /// The same after a write that has removed the entry, and may have used up the lead.
    pub(crate) async fn mark_anew(mut self, mark: &Header) {
        let superseded = match self.set_mark(mark).await {
            Some(Ok(Stored::Stored)) => return self.right = Right::Nothing,
            Some(Ok(Stored::Superseded(_))) => self.inner.backend.clone(),
            Some(Err(_)) | None => None,
        };
        let Some(backend) = superseded else {
            return; // what there is of a lead is handed back
        };
        let want = asking::lead(Duration::ZERO, mark.cost);
        if let Ok(lookup) = Asking::one(&backend, &self.key, want).await {
            self.right = Right::of(&lookup.lead);
            self.mark(mark, false).await;
        }
    }

    /// `None`: there is no lead to do it with.
    async fn set_mark(&self, mark: &Header) -> Option<Result<Stored>> {
        let (token, backend) = (self.right.token()?, self.inner.backend.as_ref()?);
        let value = envelope::seal(envelope::begin(), mark, &[], &self.key);
        let set = backend.set(&self.key, value, mark.whole(), Some(token));
        let outcome = set.await;
        if let Err(error) = &outcome {
            self.inner.backend_failed(self.function, error);
        }
        Some(outcome)
    }

    /// Hands the lead back, so that the next caller may have it at once, and with it removes what
    /// is there, where that is `outdated`.
    pub(crate) async fn hand_back(mut self, outdated: bool) {
        self.renewal = None;
        let right = std::mem::replace(&mut self.right, Right::Nothing);
        let Some(backend) = &self.inner.backend else {
            return;
        };
        let outcome = match right {
            Right::Nothing => Ok(()),
            _ if outdated => backend.remove(&self.key).await,
            Right::Fenced(token) | Right::Leased(token) => backend.release(&self.key, &token).await,
            Right::Unfenced => Ok(()),
        };
        if let Err(error) = outcome {
            self.inner.backend_failed(self.function, &error);
        }
    }
}

impl Drop for Leading {
    /// A computation that was dropped, or that panicked, or a write that failed: the lead is
    /// handed back in the background. If that fails too, it ends by itself after [`HOLD`].
    fn drop(&mut self) {
        let right = std::mem::replace(&mut self.right, Right::Nothing);
        if let (Some(token), Some(backend)) = (right.token().cloned(), &self.inner.backend) {
            let (backend, key) = (Arc::clone(backend), self.key.clone());
            let _ = self.inner.clock.spawn(async move {
                let _ = backend.release(&key, &token).await;
            });
        }
    }
}

/// Renews until the deadline of a computation: one that never returns does not keep its key from
/// others.
fn renewal(
    inner: &Arc<Inner>,
    function: &'static Function,
    key: &StoreKey,
    token: &Token,
) -> Option<AbortOnDrop<()>> {
    let backend = Arc::clone(inner.backend.as_ref()?);
    let (key, token) = (key.clone(), token.clone());
    let counting = Arc::clone(inner);
    let task = inner.clock.spawn(async move {
        let mut spent = Duration::ZERO;
        while spent < function.asks().deadline() {
            counting.clock.sleep(RENEWAL).await;
            spent += RENEWAL;
            match backend.renew(&key, &token, HOLD).await {
                Ok(Renewed::Held) => counting.count(function, Event::LeadRenewed),
                Ok(Renewed::Lost) => return, // the write will say so
                Err(_) => {}                 // it may stand until the next one
            }
        }
    });
    task.ok().map(AbortOnDrop)
}
