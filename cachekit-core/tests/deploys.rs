//! A rolling deploy: two releases of one function, whose types differ in a generated way, live on
//! one store.

mod dynamic;

use std::cell::RefCell;
use std::sync::Arc;

use cachekit_core::Error;
use cachekit_core::backend::Backend;
use cachekit_core::cache::{Cache, Form, Function, Key, Release};
use cachekit_core::clock::Clock;
use cachekit_core::codec::{Bincode, Codec, CodecError, MessagePack};
use cachekit_core::config::Config;
use cachekit_core::schema::{Refusal, Shape};
use cachekit_core::testkit::ReferenceBackend;
use dynamic::generate::{tree, value};
use dynamic::{Dynamic, Type, with_type};
use proptest::prelude::*;

static PROFILES: Function = Function::new("tests::deploys", "profiles");

thread_local! {
    static TYPES: RefCell<[Option<Type>; 2]> = const { RefCell::new([None, None]) };
}

/// The form of `Dynamic` in release `N`: what the blanket form of a codec does, but the shape is
/// that of the type of this release, traced each time.
struct In<C, const N: usize>(std::marker::PhantomData<C>);

fn in_type<T, const N: usize>(work: impl FnOnce() -> T) -> T {
    let of = TYPES
        .with_borrow(|types| types[N].clone())
        .expect("the release has a type");
    with_type(&of, work)
}

impl<C: Codec, const N: usize> In<C, N> {
    fn shape() -> Shape {
        in_type::<_, N>(|| Shape::trace::<Dynamic>(C::POSITIONAL, C::HUMAN_READABLE))
    }
}

impl<C: Codec, const N: usize> Form<Dynamic> for In<C, N> {
    fn release(version: u32) -> Option<Release> {
        Some(Release::new::<C>(&Self::shape(), version))
    }

    fn refusal() -> Option<&'static Refusal> {
        None
    }

    fn measure(_: &Dynamic) -> Result<usize, CodecError> {
        Ok(0)
    }

    fn encode(value: &Dynamic, out: &mut Vec<u8>) -> Result<(), CodecError> {
        C::encode(&Self::shape().checked(value), out)
    }

    fn decode(bytes: &[u8]) -> Result<Dynamic, CodecError> {
        in_type::<_, N>(|| C::decode(bytes))
    }
}

/// One process of one release.
struct Process<C, const N: usize> {
    cache: Cache,
    key: Key<Dynamic, In<C, N>>,
}

impl<C: Codec, const N: usize> Process<C, N> {
    fn new(store: &Arc<dyn Backend>) -> Self {
        let mut config = Config::default();
        config.l1.enabled = false;
        let cache = Cache::builder()
            .backend(Arc::clone(store))
            .config(config)
            .build();
        Self {
            cache,
            key: PROFILES.key::<Dynamic>(&42).unwrap().form(),
        }
    }

    async fn call(&self, origin: &Dynamic) -> Dynamic {
        let compute = || async { Ok::<_, Error>(origin.clone()) };
        self.cache.get_or_compute(&self.key, compute).await.unwrap()
    }

    async fn found(&self) -> Option<Dynamic> {
        self.cache.get(&self.key).await.unwrap()
    }
}

async fn deploy<C: Codec>(a_value: &Dynamic, b_value: &Dynamic) {
    let store: Arc<dyn Backend> = Arc::new(ReferenceBackend::new(Clock::system()));
    let (a, b) = (Process::<C, 0>::new(&store), Process::<C, 1>::new(&store));
    let same = In::<C, 0>::shape().fingerprint() == In::<C, 1>::shape().fingerprint();
    // The old release fills, the new one reads and fills, the old one reads again.
    assert_eq!(a.call(a_value).await, *a_value);
    let expected = if same { a_value } else { b_value };
    assert_eq!(b.call(b_value).await, *expected);
    assert_eq!(a.call(a_value).await, *a_value);
    // An invalidation in either is one in both.
    a.cache.remove(&a.key).await.unwrap();
    assert_eq!((a.found().await, b.found().await), (None, None));
    b.call(b_value).await;
    a.call(a_value).await;
    b.cache.expire(&b.key).await.unwrap();
    assert_eq!((a.found().await, b.found().await), (None, None));
}

proptest! {
    #[test]
    fn two_releases_never_read_each_others_values_and_see_each_others_removals(
        tree in tree(),
        at: usize,
        how: usize,
        seed: u64,
        swapped: bool,
    ) {
        let mut changed = tree.clone();
        changed.change(at % tree.count(), how);
        let mut types = [tree.build(), changed.build()];
        if swapped {
            types.swap(0, 1);
        }
        let mut seed = seed;
        let [a, b] = [&types[0], &types[1]].map(|of| Dynamic(value(of, of.root, 0, &mut seed)));
        TYPES.set(types.map(Some));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(deploy::<Bincode>(&a, &b));
    }

    #[test]
    fn the_same_holds_for_a_codec_that_writes_names(
        tree in tree(), at: usize, how: usize, seed: u64,
    ) {
        let mut changed = tree.clone();
        changed.change(at % tree.count(), how);
        let types = [tree.build(), changed.build()];
        prop_assume!(types.iter().all(|of| {
            with_type(of, || Shape::trace::<Dynamic>(false, false).refusal().is_none())
        }));
        let mut seed = seed;
        let [a, b] = [&types[0], &types[1]].map(|of| Dynamic(value(of, of.root, 0, &mut seed)));
        TYPES.set(types.map(Some));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(deploy::<MessagePack>(&a, &b));
    }
}
