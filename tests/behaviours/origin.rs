//! What cached functions ask when they compute.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// Counts how often it was asked, and answers once it is open. When it is dropped, as by a test that
/// fails, it opens: nobody waits for it for ever.
pub(crate) struct Origin(Arc<State>);

struct State {
    asked: AtomicUsize,
    asking: AtomicUsize,
    most: AtomicUsize,
    answered: AtomicUsize,
    open: watch::Sender<bool>,
}

impl Origin {
    /// Answers at once.
    pub(crate) fn new() -> Self {
        Self(Arc::new(State {
            asked: AtomicUsize::new(0),
            asking: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            answered: AtomicUsize::new(0),
            open: watch::Sender::new(true),
        }))
    }

    /// Answers nobody until it is opened.
    pub(crate) fn closed() -> Self {
        let origin = Self::new();
        origin.close();
        origin
    }

    pub(crate) fn close(&self) {
        self.0.open.send_replace(false);
    }

    pub(crate) fn open(&self) {
        self.0.open.send_replace(true);
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.0.asked.load(Ordering::SeqCst)
    }

    /// How many ask now.
    pub(crate) fn asking(&self) -> usize {
        self.0.asking.load(Ordering::SeqCst)
    }

    /// How many have asked at the same time, at most.
    pub(crate) fn most(&self) -> usize {
        self.0.most.load(Ordering::SeqCst)
    }

    /// How often it has answered.
    pub(crate) fn answered(&self) -> usize {
        self.0.answered.load(Ordering::SeqCst)
    }

    /// Asks for `answer`.
    pub(crate) fn answer<T: Send + 'static>(
        &self,
        answer: T,
    ) -> impl Future<Output = T> + Send + 'static + use<T> {
        let state = Arc::clone(&self.0);
        async move {
            let _asking = Asking::new(&state);
            let mut open = state.open.subscribe();
            // The sender is as old as this.
            let _ = open.wait_for(|open| *open).await;
            state.answered.fetch_add(1, Ordering::SeqCst);
            answer
        }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.open();
    }
}

/// One who asks, until it has its answer or is dropped.
struct Asking<'a>(&'a State);

impl<'a> Asking<'a> {
    fn new(state: &'a State) -> Self {
        state.asked.fetch_add(1, Ordering::SeqCst);
        let asking = state.asking.fetch_add(1, Ordering::SeqCst) + 1;
        state.most.fetch_max(asking, Ordering::SeqCst);
        Self(state)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.asking.fetch_sub(1, Ordering::SeqCst);
    }
}
