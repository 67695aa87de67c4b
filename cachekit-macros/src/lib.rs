//! The attributes `#[cached]` and `#[removes]`. Users name them `cachekit::cached` and
//! `cachekit::removes`, where their documentation is.
//!
//! One file for each step of `#[cached]`: `args` parses the options (`values`, `ttl`, `duration`, `suggest`),
//! `function` the item, `checks` (`returned`, `template`, `names`) refuses what cannot be cached and
//! says what to write instead. `expand` emits the function, with `signature`, `key`, `tags`, `policy`
//! and `compute`; `companions` what stands beside it.
//! The steps of `#[removes]` are in its folder, with `item`, `values`, `template` and `names` in
//! common. `spans` decides to what errors point and for whom lints take the code.

mod args;
mod call;
mod checks;
mod companions;
mod compute;
mod duration;
mod expand;
mod function;
mod future;
mod item;
mod key;
mod many;
mod names;
mod policy;
mod removes;
mod returned;
mod signature;
mod spans;
mod suggest;
mod tags;
mod template;
mod ttl;
mod values;

#[cfg(test)]
mod snapshots;

use proc_macro::TokenStream;

/// Stores what a function returns under its arguments, and answers from there as long as it is
/// fresh.
///
/// ```
/// use cachekit::cached;
///
/// #[cached(ttl = "10m")]
/// fn squared(n: u64) -> u64 {
///     n * n // runs once in ten minutes for each n
/// }
///
/// assert_eq!(squared(7), 49);
/// assert_eq!(squared::peek(7), Some(49));
/// ```
///
/// It can be on sync and async functions: free ones, associated ones, methods, methods of traits
/// and of their implementations, also under `#[async_trait]`, generic or not. The signature, the
/// attributes and the error type stay as they are. Arguments may be borrowed; values may not.
///
/// # What is stored
/// | return type | stored |
/// |---|---|
/// | `T` | every value |
/// | `Option<T>` | `Some`; also `None` with `cache_none` or `negative_ttl` |
/// | `Result<T, E>` | `Ok`; `Err` never |
/// | `Result<Option<T>, E>` | `Ok(Some)`; also `Ok(None)` with `cache_none` or `negative_ttl` |
///
/// Aliases of these types are seen through. A value is `Clone + Send + Sync + 'static`, and serde
/// can write and read it (not so with `local`). A hit clones it: return an `Arc` where that is
/// dear. What cannot be written (a codec may refuse a type) is computed at every call, and an error
/// is logged once.
///
/// # Options
/// | option | default | |
/// |---|---|---|
/// | `ttl = 60`, `ttl = "1h30m"`, `ttl = …` | `CACHEKIT_DEFAULT_TTL` | how long a value is fresh: whole seconds; a text with `ms`, `s`, `m`, `h`, `d`; or an expression of type `Duration`, which may use the arguments and is evaluated after a miss in this process. A literal of zero is refused, a computed zero stores nothing |
/// | `grace = "1h"` | ten times the ttl, at most an hour | how long a value stays after its ttl, to be served where no new one can be had: the function fails, or takes longer than the timeout. Zero: not at all |
/// | `stale_while_refresh` | | a value in grace is served at once, while one caller has it computed anew |
/// | `timeout = "2s"` | 10 s where the error type is `From<cachekit::Error>`, else none | how long a caller waits: then it is given a value in grace, or an error of kind `Timeout`; one whose error type cannot say so waits on. Zero: without an end |
/// | `negative_ttl = 30` | | `None` is stored, for this long. Refused where the return type has no `None` |
/// | `tags = ["user:{id}", "users"]` | | names by which entries are removed together, at most eight. Placeholders as in a `key` of text, displayed as they are: whoever removes the tag writes it with `format!` |
/// | `many`, `many = ids` | | each id of a list has an entry of its own: see below |
/// | `key = "user:{id}"` | all arguments | a text that the store shows as it is. Placeholders are arguments or their fields, `{id}`, `{self.id}`, `{pair.0}`, displayed and escaped; `{{` is a brace |
/// | `key = (tenant, id)` | all arguments | an expression that serializes, hashed; the arguments are borrowed |
/// | `skip(a, b)` | | arguments that the value does not depend on; `skip(self)`: instances share their entries |
/// | `condition = id > 0` | | calls for which it is false go past the cache |
/// | `unless = result.is_empty()` | | values for which it is true are not stored; `result` is a reference to what the function returned |
/// | `cache_none` | | `None` is a result like any other. Refused where the return type has no `None` |
/// | `local` | | values stay in this process in every deployment, and need no serde |
/// | `codec = …` | `Bincode` | the codec of values in a store, a type such as `cachekit::codec::MessagePack` |
/// | `cache = "catalog"` | the cache of the process | a named cache, which the crate declares with `cachekit::caches! { catalog }` |
/// | `cache = …` | | an expression of type `Cache`, or one that dereferences to it; it may use the arguments and `self` |
/// | `namespace = "users"` | | a prefix of the keys |
/// | `name = "profile"` | module and name | keeps the keys when the function moves |
/// | `version = 2` | 0 | raise it when the values mean something else, although their type is the same |
/// | `companions = false`, `other_name` | the name of the function | see below |
/// | `crate = path` | `::cachekit` | where the crate is, for those who re-export it |
///
/// # The key
/// Every argument is part of the key, in the order of the signature, with the types of a generic
/// function; an argument whose pattern is `_` is not, because the body cannot see it. Arguments
/// implement `serde::Serialize`; if that fails, the call goes past the cache. `self` is never
/// left out silently: `key` mentions it, or `skip(self)` says that instances share.
///
/// # Companions
/// Beside `fn profile` stands a type of the same name, as visible as the function, whose
/// associated functions take the same arguments, and are async if the function is:
///
/// | | returns | |
/// |---|---|---|
/// | `profile::remove(args)` | `Result<(), Error>` | the entry is not served again, here or elsewhere |
/// | `profile::expire(args)` | `Result<(), Error>` | the entry is no longer fresh |
/// | `profile::refresh(args)` | the return type | computes now and stores |
/// | `profile::peek(args)` | `Option` of the return type | what is stored; computes nothing |
/// | `profile::prime(args, value)` | `Result<(), Error>` | stores `value`, as the function returns it, if such a result is stored |
/// | `profile::uncached(args)` | the return type | the function without the cache |
/// | `profile::key(args)` | `Result<Key, Error>` | the key of the entry, for the methods of `Cache`; never async. An alias of `Result` under another name is not seen through here: it is an error |
/// | `profile::explain(args)` | `Explanation` | what a call would find, and why; computes nothing |
/// | `profile::stats()` | `Stats` | what has happened with the function in this process, in all caches; never async |
///
/// Methods, and associated functions that mention `Self`, have siblings instead: `users.profile_remove(42)`.
/// A method without a visibility has none, because in an implementation of a trait no item may be
/// added; `companions = true` adds them in an inherent `impl`.
///
/// An associated function that has neither `self` nor `Self` looks like a free one, and rustc says
/// that a `struct is not supported in traits or impls`: write `companions = false`. The same helps
/// where a module or a type of the function's name stands beside it.
///
/// # What the body decides
/// What only the body knows it says to `cachekit::Context::current()`: another ttl or grace, a tag,
/// that the result is for this caller alone, or that there is nothing. It may return the value that
/// it is to replace, `previous`, where that has not been modified.
///
/// ```
/// use std::time::Duration;
/// use cachekit::{Context, cached};
///
/// #[cached(ttl = "1h")]
/// fn page(path: String) -> String {
///     if path.starts_with("/news") {
///         Context::current().ttl(Duration::from_secs(30));
///     }
///     path.to_uppercase()
/// }
///
/// assert_eq!(page("/news/1".to_owned()), "/NEWS/1");
/// ```
///
/// # Many ids
/// With `many` a function of a `Vec<K>` that returns `HashMap<K, V>`, `Result<HashMap<K, V>, E>` or
/// `HashMap<K, Result<V, E>>` stores each `V` under its id and the other arguments. It is called
/// with the ids that are not stored, in the order asked, each once, and not at all if there are none;
/// what it returns and what was stored come back as one map. An id that is not in its map has no
/// value, which `negative_ttl` remembers; an error says nothing of any id, and what is in grace is
/// served for those that have it. Ids that another call computes are waited for; should they come to
/// nothing there, the body runs once more for them: the other arguments must be `Clone`. What the
/// body says to `Context` is said of all ids that it was called with.
///
/// ```
/// use std::collections::HashMap;
/// use cachekit::cached;
///
/// #[cached(many, tags = ["square:{ids}"])]
/// fn squares(ids: Vec<u64>) -> HashMap<u64, u64> {
///     ids.into_iter().map(|id| (id, id * id)).collect() // one query for all that is missing
/// }
///
/// assert_eq!(squares(vec![2, 3])[&3], 9);
/// assert_eq!(squares(vec![3, 4]).len(), 2); // asks for 4 only
/// squares::remove(3)?;
/// # Ok::<_, cachekit::Error>(())
/// ```
///
/// Where several arguments are a `Vec`, `many = ids` says which has the ids. In `key` and in `tags`
/// its name stands for one id; `condition` and `ttl` see the list. The companions are `remove`,
/// `expire`, `explain` and `key`, which take one id, `stats`, and `uncached`.
///
/// # Where the body runs
/// Sync functions compute on the thread of the caller, which then has to wait for the end of its own
/// computation, whatever the `timeout`. With `timeout` or `stale_while_refresh` one whose signature
/// owns everything computes on a thread of ours instead, inside of the caller's runtime where there
/// is one, and goes on without its caller; not so with `many`. A hit in this process needs no runtime,
/// and a store is reached through threads of ours. Of simultaneous callers of a key one computes,
/// and the others wait for it. While all places to compute are taken, a call on a thread of a
/// runtime, which may block those who have them, waits for eight seconds at most: then it is given a
/// value in grace, or an error of kind `Overloaded`, or computes without a place.
///
/// The future of an async function whose signature owns everything, without generic parameters,
/// `self` or `Self`, runs in a task of its own, and goes on while somebody waits for it; it must
/// be `Send`. Every other runs in the future of the caller; if that is dropped, one of those who
/// wait computes. To have an owned signature run there, mention a lifetime in it: `id: &u64`.
///
/// A function may call itself; an async one boxes the call, `Box::pin(profile(id - 1)).await`. A
/// key that is asked for inside its own computation does not wait for itself: the call gives an
/// error of kind `Reentrant` where the error type is `From<cachekit::Error>`, and else computes.
#[proc_macro_attribute]
pub fn cached(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::cached(options.into(), item.into()).into()
}

/// Removes cached results once the function has changed what they were computed from.
///
/// ```
/// use cachekit::{cached, removes};
///
/// # static NAMES: std::sync::Mutex<Vec<String>> = std::sync::Mutex::new(Vec::new());
/// #[cached(tags = ["names"])]
/// fn name(id: usize) -> Option<String> {
///     NAMES.lock().unwrap().get(id).cloned()
/// }
///
/// #[removes(name(id), tag = "names")]
/// fn rename(id: usize, to: &str) -> Result<(), String> {
///     let mut names = NAMES.lock().unwrap();
///     *names.get_mut(id).ok_or("no such name")? = to.to_owned();
///     Ok(())
/// }
///
/// # NAMES.lock().unwrap().push("ann".to_owned());
/// assert_eq!(name(0).as_deref(), Some("ann"));
/// rename(0, "bob")?;
/// assert_eq!(name(0).as_deref(), Some("bob"));
/// # Ok::<_, String>(())
/// ```
///
/// It can be on sync and async functions, methods, and methods of traits and of their
/// implementations, also under `#[async_trait]`, with any return type. After an `Ok` the results
/// are removed, and then the function returns; after an `Err` nothing is. A function that does not
/// return a `Result` has always succeeded.
///
/// A removal that fails is logged and counted, and the function returns what it has: what it
/// changed is changed. The results may then be served elsewhere until their ttl ends. Once the
/// function has succeeded, dropping its future does not keep the results from being removed.
///
/// # What is removed
/// | | |
/// |---|---|
/// | `profile(id)`, `users::profile(id)`, `self.profile(id)`, `Users::profile(id)` | the result of this call of a cached function that has companions, in the cache of that function. A name with a capital before `::` is a type, any other a module; a function whose companions have another name is written by that name |
/// | `tag = "user:{id}"` | what has this tag; placeholders are arguments or their fields, `{id}`, `{self.id}`, displayed as they are |
/// | `namespace = "users"` | all results of the functions of this namespace |
/// | `cache = …` | the cache of tags and namespaces, where it is not that of the process: an expression of type `Cache`, or one that dereferences to it |
/// | `crate = path` | where the crate is, for those who re-export it |
///
/// Several removals travel together.
///
/// # Arguments
/// The arguments of a call are expressions, which may use those of the function. They are evaluated
/// before the body, which may consume what they name: a name or a field, as in `profile(id)` and
/// `profile(user.id)`, is cloned, any other expression is evaluated as it is written.
///
/// What only the result knows is named by `result`, a reference to the value in the `Ok`, or to the
/// returned value where that is no `Result`: `profile(result.id)`, `tag = "user:{result.id}"`.
#[proc_macro_attribute]
pub fn removes(removals: TokenStream, item: TokenStream) -> TokenStream {
    removes::removes(removals.into(), item.into()).into()
}
