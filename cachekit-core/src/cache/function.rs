//! What one cached function is to the cache.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use serde::Serialize;

use crate::cache::arguments::{Arguments, Key};
use crate::cache::stats::{Counters, Stats};
use crate::error::Result;
use crate::key::KeyBuffer;
use crate::policy::freshness::Policy;
use crate::policy::pressure::Pressure;

/// A family of entries: the results of one function, one entry for each list of arguments.
///
/// A `static`; `#[cached]` makes one for every function that it is on. Its name is its module and
/// its own name, so that two functions of one name in two modules never share an entry.
pub struct Function {
    module: &'static str,
    /// The type name of an item beside the function: it says more than the module.
    beside: Option<fn() -> &'static str>,
    name: &'static str,
    namespace: &'static str,
    version: u32,
    policy: Policy,
    /// [`path`](Self::path) as it stands in keys: every read of a store has it in its key.
    escaped_path: OnceLock<Box<str>>,
    counters: Counters,
    /// What its last computation took, in microseconds.
    cost_us: AtomicU32,
    /// What becomes of its results.
    pressure: Pressure,
    /// What stands for the name in keys of L1; zero until the first key is made.
    id: AtomicU32,
    /// Whether it was said already that its values cannot be stored.
    refused: AtomicBool,
}

/// The number of each function, by its head and version.
type Ids = HashMap<(String, u32), u32>;

impl Function {
    /// The function `name` of `module`, usually `module_path!()`.
    #[must_use]
    pub const fn new(module: &'static str, name: &'static str) -> Self {
        Self {
            module,
            beside: None,
            name,
            namespace: "",
            version: 0,
            policy: Policy::new(),
            escaped_path: OnceLock::new(),
            counters: Counters::new(),
            cost_us: AtomicU32::new(0),
            pressure: Pressure::new(),
            id: AtomicU32::new(0),
            refused: AtomicBool::new(false),
        }
    }

    /// `name` alone, without a module: it stays the same when the function moves.
    #[must_use]
    pub const fn name(mut self, name: &'static str) -> Self {
        self.module = "";
        self.beside = None;
        self.name = name;
        self
    }

    /// In the place of `item`, the type name of an item beside it, instead of the module: two
    /// functions of one name inside of two functions of one module are told apart.
    #[must_use]
    pub const fn beside(mut self, item: fn() -> &'static str) -> Self {
        self.beside = Some(item);
        self
    }

    /// Below `namespace`. Default: none.
    #[must_use]
    pub const fn namespace(mut self, namespace: &'static str) -> Self {
        self.namespace = namespace;
        self
    }

    /// A number to raise when the results mean something else although their type is the same:
    /// entries of another version are not found. Default: 0.
    #[must_use]
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// What it asks for beside its values. Default: [`Policy::new`].
    #[must_use]
    pub const fn policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// The key for these arguments, all together: a tuple, or a single value.
    ///
    /// # Errors
    /// If an argument does not serialise.
    pub fn key<V>(&'static self, arguments: &(impl Serialize + ?Sized)) -> Result<Key<V>> {
        let mut key = Arguments::new(self);
        key.argument(arguments);
        key.into_key()
    }

    pub(crate) const fn current_version(&self) -> u32 {
        self.version
    }

    /// What has happened with it since this process began, in all caches.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.counters.read()
    }

    pub(crate) const fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What a computation takes, about.
    pub(crate) fn cost(&self) -> Duration {
        Duration::from_micros(self.cost_us.load(Ordering::Relaxed).into())
    }

    /// Notes what a computation has taken, here or in another process.
    pub(crate) fn learns(&self, cost: Duration) {
        let micros = u32::try_from(cost.as_micros()).unwrap_or(u32::MAX);
        self.cost_us.store(micros, Ordering::Relaxed);
    }

    pub(crate) const fn pressure(&self) -> &Pressure {
        &self.pressure
    }

    pub(crate) const fn asks(&self) -> &Policy {
        &self.policy
    }

    /// Empty: none.
    pub(crate) const fn namespace_name(&self) -> &'static str {
        self.namespace
    }

    /// What stands for this function in a store, below `namespace` of the cache.
    pub(crate) fn head(&self, namespace: &str) -> String {
        self.head_of_entries(namespace, None)
    }

    /// What the keys of its entries begin with: the same, with the token of its own namespace.
    pub(crate) fn head_of_entries(&self, namespace: &str, token: Option<u64>) -> String {
        let mut head = KeyBuffer::new();
        for part in [namespace, self.namespace] {
            if !part.is_empty() {
                head.push_escaped(&part);
                head.push(b':');
            }
        }
        if let Some(token) = token {
            head.extend(format!("#{token:016x}:").as_bytes());
        }
        head.extend(self.escaped_path().as_bytes());
        text(head)
    }

    fn escaped_path(&self) -> &str {
        self.escaped_path.get_or_init(|| {
            let mut path = KeyBuffer::new();
            path.push_escaped(&self.path());
            text(path).into()
        })
    }

    /// `crate.module.name`
    pub(crate) fn path(&self) -> String {
        let module = match self.beside {
            Some(item) => item().rsplit_once("::").map_or("", |(module, _)| module),
            None => self.module,
        };
        if module.is_empty() {
            self.name.to_owned()
        } else {
            format!("{}.{}", module.replace("::", "."), self.name)
        }
    }

    /// Says once what keeps the values of this function from being stored.
    pub(crate) fn refuse(&self, reason: &dyn fmt::Display) {
        if !self.refused.swap(true, Ordering::Relaxed) {
            let function = self.path();
            tracing::error!(function, %reason, "values of this function cannot be stored; every call computes");
        }
    }

    /// The number of this function in this process: the same for the same name and version.
    #[inline]
    pub(crate) fn id(&self) -> u32 {
        match self.id.load(Ordering::Relaxed) {
            0 => self.assign_id(),
            id => id,
        }
    }

    #[cold]
    fn assign_id(&self) -> u32 {
        let mut ids = Self::ids();
        let next = u32::try_from(ids.len()).unwrap_or(u32::MAX - 1) + 1;
        let id = *ids.entry((self.head(""), self.version)).or_insert(next);
        self.id.store(id, Ordering::Relaxed);
        id
    }

    /// The numbers of the functions below `namespace` that there are so far.
    pub(crate) fn ids_in(namespace: &str) -> HashSet<u32> {
        let mut head = KeyBuffer::new();
        head.push_escaped(&namespace);
        head.push(b':');
        let ids = Self::ids();
        ids.iter()
            .filter(|((of, _), _)| of.as_bytes().starts_with(head.bytes()))
            .map(|(_, id)| *id)
            .collect()
    }

    fn ids() -> MutexGuard<'static, Ids> {
        static IDS: LazyLock<Mutex<Ids>> = LazyLock::new(Mutex::default);
        IDS.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What was escaped is ASCII.
fn text(mut escaped: KeyBuffer) -> String {
    String::from_utf8_lossy(escaped.bytes()).into_owned()
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Function({})", self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_beside_it_says_where_a_function_is() {
        static INNER: Function = Function::new("app", "load").beside(|| "app::outer::load");
        assert_eq!(INNER.path(), "app.outer.load");
    }

    #[test]
    fn a_namespace_with_a_separator_does_not_reach_into_another() {
        static A: Function = Function::new("", "c").namespace("a:b");
        assert_eq!(A.head(""), "a%3Ab:c");
    }
}
