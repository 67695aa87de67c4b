//! A cached function as `#[cached]` makes one, of any policy and any signature.

use std::panic::resume_unwind;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Wake};
use std::thread::{self, Thread};

use cachekit::__private::{
    Arguments, Call, ErrorProbe, OfOptionalResult, OfResult, Probe, SayFrom, SayNothing,
    ShareClone, Tags, Voice,
};
use cachekit::{Cache, Error, ErrorKind, Function, Key, Policy};
use tokio::task::spawn_blocking;

/// How a call runs, by the signature of its function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// An async function that owns its arguments: in a task of its own.
    Detached,
    /// An async function that borrows: in the future of the caller.
    Inline,
    /// Any other: on the thread of the caller.
    Blocking,
}

impl Way {
    pub(crate) const ALL: [Self; 3] = [Self::Detached, Self::Inline, Self::Blocking];
    pub(crate) const ASYNC: [Self; 2] = [Self::Detached, Self::Inline];
}

/// The error of a function.
pub(crate) trait Failure:
    Clone + PartialEq + Send + Sync + std::fmt::Debug + 'static
{
    /// How the cache tells of its own errors.
    fn voice() -> Voice<Self>;
}

/// Errors of the cache can be told apart from those of the origin.
#[derive(Clone, Debug)]
pub(crate) enum Told {
    Ours(Error),
    Origin(&'static str),
}

impl From<Error> for Told {
    fn from(error: Error) -> Self {
        Self::Ours(error)
    }
}

impl PartialEq for Told {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ours(a), Self::Ours(b)) => a.kind() == b.kind(),
            (Self::Origin(a), Self::Origin(b)) => a == b,
            _ => false,
        }
    }
}

impl Told {
    pub(crate) fn kind(&self) -> Option<ErrorKind> {
        match self {
            Self::Ours(error) => Some(error.kind()),
            Self::Origin(_) => None,
        }
    }
}

impl Failure for Told {
    fn voice() -> Voice<Self> {
        let probe = ErrorProbe::new(OfResult::kind(&&&Probe::<Result<(), Self>>::new()));
        Voice::new((&&&probe).share(), (&&probe).say())
    }
}

/// An error that the cache can say nothing with.
impl Failure for &'static str {
    fn voice() -> Voice<Self> {
        let probe = ErrorProbe::new(OfResult::kind(&&&Probe::<Result<(), Self>>::new()));
        Voice::new((&&&probe).share(), SayNothing::say(&probe))
    }
}

/// What the attribute makes of a call, for each signature.
macro_rules! run {
    ($cached:expr, $kind:expr, $cache:expr, $compute:expr) => {{
        let (cached, cache, compute, voice) = ($cached, $cache, $compute, E::voice());
        let call = Call::new($kind, &cache, cached.arguments()).tags(cached.names());
        match cached.way {
            Way::Detached => {
                let compute = Box::pin(compute);
                call.run_detached(None, |_| false, voice, compute).await
            }
            Way::Inline => call.run_inline(None, |_| false, voice, compute).await,
            Way::Blocking => call.run_blocking(None, |_| false, voice, || block_on(compute)),
        }
    }};
}

/// Runs what needs no runtime on this thread.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let waker = Arc::new(Unpark(thread::current())).into();
    let (mut future, mut context) = (pin!(future), Context::from_waker(&waker));
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(result) => return result,
            Poll::Pending => thread::park(),
        }
    }
}

/// A cached function without arguments.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cached {
    pub(crate) function: &'static Function,
    way: Way,
    tags: &'static [&'static str],
}

impl Cached {
    /// Another function with each call: nothing that one has learned is known to another.
    pub(crate) fn new(way: Way, policy: Policy) -> Self {
        Self::of(way, Function::new("", Self::name()).policy(policy))
    }

    pub(crate) fn of(way: Way, function: Function) -> Self {
        Self {
            function: Box::leak(Box::new(function)),
            way,
            tags: &[],
        }
    }

    /// A name that no other function has.
    pub(crate) fn name() -> &'static str {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        Box::leak(format!("function{count}").into_boxed_str())
    }

    pub(crate) const fn tags(mut self, tags: &'static [&'static str]) -> Self {
        self.tags = tags;
        self
    }

    /// The key of its only entry.
    pub(crate) fn key(&self) -> Key<String> {
        self.function.key(&0_u64).unwrap()
    }

    fn arguments(&self) -> Arguments {
        let mut arguments = Arguments::new(self.function);
        arguments.argument(&0_u64);
        arguments
    }

    fn names(&self) -> Tags {
        let mut names = Tags::new();
        self.tags.iter().for_each(|name| names.push(name));
        names
    }

    /// One call of `fn() -> Result<String, E>` with this body; of a function that blocks, on a
    /// thread of its own.
    pub(crate) fn call<E: Failure, C>(
        &self,
        cache: &Cache,
        compute: C,
    ) -> impl Future<Output = Result<String, E>> + Send + 'static + use<E, C>
    where
        C: Future<Output = Result<String, E>> + Send + 'static,
    {
        self.on_thread(self.nested(cache, compute))
    }

    /// The same on the thread that polls it, as a computation calls another function.
    pub(crate) fn nested<E: Failure, C>(
        &self,
        cache: &Cache,
        compute: C,
    ) -> impl Future<Output = Result<String, E>> + Send + 'static + use<E, C>
    where
        C: Future<Output = Result<String, E>> + Send + 'static,
    {
        let (cached, cache) = (*self, cache.clone());
        async move { run!(cached, OfResult::kind(&&&Probe::new()), cache, compute) }
    }

    fn on_thread<C>(&self, call: C) -> impl Future<Output = C::Output> + Send + 'static + use<C>
    where
        C: Future<Output: Send> + Send + 'static,
    {
        let blocks = self.way == Way::Blocking;
        async move {
            if !blocks {
                return call.await;
            }
            let thread = spawn_blocking(move || block_on(call)).await;
            thread.unwrap_or_else(|error| resume_unwind(error.into_panic()))
        }
    }

    /// One call of `fn() -> Result<Option<String>, E>` with this body.
    pub(crate) fn find<E: Failure, C>(
        &self,
        cache: &Cache,
        compute: C,
    ) -> impl Future<Output = Result<Option<String>, E>> + Send + 'static + use<E, C>
    where
        C: Future<Output = Result<Option<String>, E>> + Send + 'static,
    {
        let (cached, cache) = (*self, cache.clone());
        let kind = OfOptionalResult::kind(&&&&Probe::new());
        self.on_thread(async move { run!(cached, kind, cache, compute) })
    }

    /// One call of `fn() -> Result<String, E>` that finds or computes `value`.
    pub(crate) async fn get(&self, cache: &Cache, value: &str) -> String {
        let value = value.to_owned();
        let compute = async { Ok::<_, Told>(value) };
        self.call(cache, compute).await.unwrap()
    }
}
