//! What a cache does, whatever it is in front of: each behaviour once, on every store that has it.
//!
//! A behaviour is a function of a [`Scene`](scene::Scene), named by a sentence. `on!` makes a test
//! of it for each store: `flight::the_next_caller_computes_after_a_panic::over_memcached`.

mod cached;
mod origin;
mod scene;
mod tampered;

/// Makes a test of each behaviour on each store of a group.
macro_rules! on {
    (everywhere: $($name:ident),+ $(,)?) => {
        $(on!(@ $name: in_process, over_reference, over_files, over_memcached);)+
    };
    (by_hand: $($name:ident),+ $(,)?) => {
        $(on!(@ $name: in_process, over_reference, over_files);)+
    };
    (shared: $($name:ident),+ $(,)?) => {
        $(on!(@ $name: over_reference, over_files, over_memcached);)+
    };
    (fenced: $($name:ident),+ $(,)?) => {
        $(on!(@ $name: over_reference, over_memcached);)+
    };
    (reference: $($name:ident),+ $(,)?) => {
        $(on!(@ $name: over_reference);)+
    };
    (@ $name:ident: $($store:ident),+) => {
        mod $name {
            $(
                #[tokio::test]
                async fn $store() {
                    super::$name(crate::scene::Scene::$store()).await;
                }
            )+
        }
    };
}

mod absence;
mod attribute;
mod deployments;
mod early;
mod entries;
mod flight;
mod grace;
mod invalidations;
mod reentry;
mod tags;
mod ttl;
