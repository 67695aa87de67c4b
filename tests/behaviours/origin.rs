//! What cached functions ask when they compute.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::watch;

/// Counts how often it was asked, and answers once it is open. Clones are the same origin.
#[derive(Clone)]
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
        let origin = self.clone();
        async move {
            let _asking = Asking::new(&origin);
            let mut open = origin.0.open.subscribe();
            // The sender is as old as this.
            let _ = open.wait_for(|open| *open).await;
            origin.0.answered.fetch_add(1, Ordering::SeqCst);
            answer
        }
    }
}

/// One who asks, until it has its answer or is dropped.
struct Asking<'a>(&'a Origin);

impl<'a> Asking<'a> {
    fn new(origin: &'a Origin) -> Self {
        origin.0.asked.fetch_add(1, Ordering::SeqCst);
        let asking = origin.0.asking.fetch_add(1, Ordering::SeqCst) + 1;
        origin.0.most.fetch_max(asking, Ordering::SeqCst);
        Self(origin)
    }
}

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.0.asking.fetch_sub(1, Ordering::SeqCst);
    }
}
