//! Who takes part in a case.

use std::fmt;
use std::hint::black_box;

use tokio::runtime::{Builder, Runtime};

use crate::hits::keys::Keys;
use crate::measure::Pass;

/// The functions whose hits are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    Number,
    Shared,
    Pair,
    AsyncNumber,
    AsyncPair,
}

impl Case {
    pub(crate) const ALL: [Self; 5] = [
        Self::Number,
        Self::Shared,
        Self::Pair,
        Self::AsyncNumber,
        Self::AsyncPair,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Number => "sync fn(u64)",
            Self::Shared => "sync fn(u64) -> Arc<String>",
            Self::Pair => "sync fn(&str, u32)",
            Self::AsyncNumber => "async fn(u64)",
            Self::AsyncPair => "async fn(&str, u32)",
        }
    }
}

/// What a contender is to the bars.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Ours,
    Limit,
    /// A macro that bounds its entries and lets them expire, as ours does.
    Macro,
    CachekitRs,
    /// A map that users would call by hand.
    Store,
}

/// One cache in one case.
pub(crate) struct Contender {
    pub(crate) role: Role,
    pub(crate) who: String,
    calls: Box<dyn Fn(&Keys) + Send + Sync>,
}

impl Contender {
    /// A cache whose pass is `calls`.
    pub(crate) fn new(
        role: Role,
        who: impl Into<String>,
        calls: impl Fn(&Keys) + Send + Sync + 'static,
    ) -> Self {
        Self {
            role,
            who: who.into(),
            calls: Box::new(calls),
        }
    }
}

impl Pass for Contender {
    fn pass(&self, thread: usize) {
        (self.calls)(Keys::of(thread));
    }
}

impl fmt::Debug for Contender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Contender({})", self.who)
    }
}

/// Calls with a number.
pub(crate) fn numbers<R>(call: impl Fn(u64) -> R) -> impl Fn(&Keys) {
    move |keys| {
        for &n in &keys.numbers {
            black_box(call(n));
        }
    }
}

/// Calls with a text and a number.
pub(crate) fn pairs<R>(call: impl Fn(&str, u32) -> R) -> impl Fn(&Keys) {
    move |keys| {
        for (text, n) in &keys.pairs {
            black_box(call(text, *n));
        }
    }
}

/// Calls with a number, each awaited; one runtime runs the whole pass.
pub(crate) fn async_numbers<R>(call: impl AsyncFn(u64) -> R) -> impl Fn(&Keys) {
    move |keys| {
        RUNTIME.with(|runtime| {
            runtime.block_on(async {
                for &n in &keys.numbers {
                    black_box(call(n).await);
                }
            });
        });
    }
}

/// Calls with a text and a number, each awaited; one runtime runs the whole pass.
pub(crate) fn async_pairs<R>(call: impl AsyncFn(&str, u32) -> R) -> impl Fn(&Keys) {
    move |keys| {
        RUNTIME.with(|runtime| {
            runtime.block_on(async {
                for (text, n) in &keys.pairs {
                    black_box(call(text, *n).await);
                }
            });
        });
    }
}

thread_local! {
    static RUNTIME: Runtime = Builder::new_current_thread()
        .build()
        .expect("a runtime on this thread needs nothing of the system");
}
