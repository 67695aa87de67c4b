//! The key of one call: its arguments while they are written, and the key made of them.

use std::any::TypeId;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use xxhash_rust::xxh3::xxh3_128;

use crate::cache::form::{Form, Release};
use crate::cache::function::Function;
use crate::cache::kind::Kind;
use crate::cache::tags::Tags;
use crate::codec::Bincode;
use crate::error::{Error, ErrorKind, Result};
use crate::key::{KeyBuffer, StoreKey, Unserializable, write_argument};

/// What can be a part of a key.
#[diagnostic::on_unimplemented(
    message = "an argument of type `{Self}` cannot be part of a key",
    label = "must implement `serde::Serialize`",
    note = "derive it, or leave the argument out of the key: `#[cached(skip(…))]`"
)]
pub trait Argument: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> Argument for T {}

/// Where the bytes of the arguments begin: the number of the function is in front of them.
const ID_LEN: usize = size_of::<u32>();

/// The number of the function that a key of L1 is of.
pub(crate) fn function_id(key: &[u8]) -> Option<u32> {
    key.first_chunk().map(|id| u32::from_le_bytes(*id))
}

/// The key of one call while its arguments are written: on the stack, without an allocation as
/// long as it is short.
#[derive(Debug)]
pub struct Arguments {
    function: &'static Function,
    buffer: KeyBuffer,
    /// Whether the bytes are text that can be read in a store.
    readable: bool,
    failure: Option<Unserializable>,
    bypassed: bool,
}

impl Arguments {
    /// A key of arguments, which a store sees hashed.
    #[inline]
    #[must_use]
    pub fn new(function: &'static Function) -> Self {
        Self::start(function, false)
    }

    /// A key of text and placeholders, which a store sees as they are.
    #[inline]
    #[must_use]
    pub fn readable(function: &'static Function) -> Self {
        Self::start(function, true)
    }

    #[inline]
    fn start(function: &'static Function, readable: bool) -> Self {
        Self {
            function,
            buffer: KeyBuffer::starting_with(function.id()),
            readable,
            failure: None,
            bypassed: false,
        }
    }

    /// The names of the types of a generic function, before everything else: as their hash,
    /// because they are longer than most keys, and a hit would allocate for them.
    pub fn types(&mut self, names: &str) {
        let hash = xxh3_128(names.as_bytes());
        if self.readable {
            self.buffer.push_escaped(&format_args!("{hash:032x}"));
            self.buffer.push(b':');
        } else {
            self.buffer.extend(&hash.to_le_bytes());
        }
    }

    /// Makes the call bypass the cache.
    pub fn bypass(&mut self) {
        self.bypassed = true;
    }

    pub(crate) fn function(&self) -> &'static Function {
        self.function
    }

    pub(crate) fn is_bypassed(&self) -> bool {
        self.bypassed
    }

    /// One argument. One that does not serialise makes the call bypass the cache.
    #[inline]
    pub fn argument<T: Argument + ?Sized>(&mut self, argument: &T) {
        if let Err(failure) = write_argument(&mut self.buffer, argument) {
            self.failure = Some(failure);
        }
    }

    /// A literal part of a readable key.
    pub fn text(&mut self, literal: &str) {
        for byte in literal.bytes() {
            if byte.is_ascii_graphic() && byte != b'%' {
                self.buffer.push(byte);
            } else {
                self.buffer.push_escaped(&char::from(byte));
            }
        }
    }

    /// A placeholder of a readable key: what it displays, escaped.
    pub fn placeholder(&mut self, value: &dyn fmt::Display) {
        self.buffer.push_escaped(value);
    }

    /// The bytes under which L1 has the entry; `None` if the call bypasses the cache.
    #[inline]
    pub(crate) fn l1_key(&mut self) -> Option<&[u8]> {
        let cached = self.failure.is_none() && !self.bypassed;
        cached.then(|| self.buffer.bytes())
    }

    /// The key.
    ///
    /// # Errors
    /// If an argument did not serialise.
    pub fn into_key<V, F>(mut self) -> Result<Key<V, F>> {
        match self.failure {
            Some(failure) => {
                let detail = "an argument cannot be serialized";
                Err(Error::with_source(
                    ErrorKind::InvalidKey,
                    "key",
                    detail,
                    failure,
                ))
            }
            None => Ok(Key {
                function: self.function,
                bytes: self.buffer.bytes().into(),
                readable: self.readable,
                tags: Arc::default(),
                form: PhantomData,
            }),
        }
    }

    /// The key, for values of the type that the signature of the function says.
    ///
    /// # Errors
    /// As of [`into_key`](Self::into_key); and if these are not the values of the function, because
    /// the signature has an alias of a `Result` under another name.
    pub fn into_key_of<K: Kind, V: 'static, F>(self, _kind: K) -> Result<Key<V, F>> {
        if TypeId::of::<V>() == TypeId::of::<K::Value>() {
            return self.into_key();
        }
        let detail = "the return type of the cached function is an alias of a `Result`; its key is \
                      had where the signature says `Result`";
        Err(Error::with_detail(ErrorKind::InvalidKey, "key", detail))
    }
}

/// The key of one entry of values `V` that leave the process in the form `F`.
///
/// Cheap to clone. `Debug` does not show the arguments.
pub struct Key<V, F = Bincode> {
    function: &'static Function,
    /// The number of the function, and the canonical bytes of the arguments.
    bytes: Arc<[u8]>,
    readable: bool,
    /// The declared tags of the entry, by the hashes of their names.
    tags: Arc<[u64]>,
    form: PhantomData<fn() -> (V, F)>,
}

impl<V, F> Key<V, F> {
    /// The function.
    #[must_use]
    pub fn function(&self) -> &'static Function {
        self.function
    }

    /// The same arguments, for values that leave the process in the form `G`.
    #[must_use]
    pub fn form<G>(self) -> Key<V, G> {
        Key {
            function: self.function,
            bytes: self.bytes,
            readable: self.readable,
            tags: self.tags,
            form: PhantomData,
        }
    }

    /// The key of an entry that is to have these tags: it ends when one of them is removed, and one
    /// that is found without them is not valid. They replace those that the key had.
    ///
    /// At most [`MAX_TAGS`](crate::cache::MAX_TAGS); an entry that would have more is not stored.
    #[must_use]
    pub fn tagged(self, tags: &Tags) -> Self {
        Self {
            tags: tags.hashes().into(),
            ..self
        }
    }

    /// The declared tags.
    pub(crate) fn tags(&self) -> &[u64] {
        &self.tags
    }

    /// The bytes under which L1 has the entry.
    pub(crate) fn bytes(&self) -> &Arc<[u8]> {
        &self.bytes
    }

    /// The arguments as a store sees them: as they are, or 128 bits of their BLAKE3 hash.
    fn tail(&self) -> String {
        let arguments = &self.bytes[ID_LEN..];
        if self.readable {
            String::from_utf8_lossy(arguments).into_owned()
        } else {
            blake3::hash(arguments).to_hex()[..32].to_owned()
        }
    }
}

impl<V, F: Form<V>> Key<V, F> {
    /// The key in a store, below `namespace` of the cache and with the token of the function's own;
    /// `None` for values that stay in the process.
    pub(crate) fn store_key(
        &self,
        namespace: &str,
        token: Option<u64>,
    ) -> Option<(StoreKey, Release)> {
        let release = F::release(self.function.current_version())?;
        let head = self.function.head_of_entries(namespace, token);
        // All three parts are escaped or hexadecimal: they are printable.
        let key = StoreKey::of_release(&head, &release.to_string(), &self.tail()).ok()?;
        Some((key, release))
    }
}

impl<V, F> Clone for Key<V, F> {
    fn clone(&self) -> Self {
        Self {
            bytes: Arc::clone(&self.bytes),
            tags: Arc::clone(&self.tags),
            ..*self
        }
    }
}

impl<V, F> fmt::Debug for Key<V, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key(of {})", self.function.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    static USERS: Function = Function::new("app::users", "load");
    static ORDERS: Function = Function::new("app::orders", "load");

    fn store_key(key: &Key<u32>) -> String {
        key.store_key("shop", None).unwrap().0.as_str().to_owned()
    }

    #[test]
    fn a_store_sees_namespace_function_release_and_hashed_arguments() {
        let key = store_key(&USERS.key::<u32>(&"secret").unwrap());
        let parts: Vec<_> = key.split(':').collect();
        assert_eq!(parts[..2], ["shop", "app.users.load"]);
        assert_eq!(parts[3].len(), 32);
        assert!(!key.contains("secret"));
    }

    #[test]
    fn a_readable_key_is_what_the_user_wrote() {
        let mut key = Arguments::readable(&USERS);
        key.text("user:");
        key.placeholder(&"a:b");
        let key: Key<u32> = key.into_key().unwrap();
        assert!(store_key(&key).ends_with(":user:a%3Ab"));
    }

    #[test]
    fn a_bypassed_call_has_no_key_in_l1() {
        let mut key = Arguments::new(&USERS);
        assert!(key.l1_key().is_some());
        key.bypass();
        assert!(key.l1_key().is_none());
    }

    #[test]
    fn functions_of_one_name_in_two_modules_share_no_entry() {
        let users = USERS.key::<u32>(&1).unwrap();
        let orders = ORDERS.key::<u32>(&1).unwrap();
        assert_ne!(users.bytes(), orders.bytes());
        assert_ne!(store_key(&users), store_key(&orders));
    }

    #[test]
    fn a_version_is_another_release_with_the_same_route() {
        static ONE: Function = Function::new("app", "f").version(1);
        static TWO: Function = Function::new("app", "f").version(2);
        let one = ONE.key::<u32>(&1).unwrap().store_key("", None).unwrap().0;
        let two = TWO.key::<u32>(&1).unwrap().store_key("", None).unwrap().0;
        assert_ne!(one, two);
        assert_eq!(one.route(), two.route());
    }
}
