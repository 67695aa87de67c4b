//! Calls as annotated functions make them.

use std::collections::HashMap;

use cachekit_core::cache::{
    Arguments, Cache, Call, CallMany, ErrorProbe, Function, Key, Kind, OfResult,
    OfResultOfMap as _, PlainResult, Probe, SayFrom, ShareClone, Tags, Voice,
};
use cachekit_core::error::Result;

use crate::history::{By, Value};
use crate::operation::{Says, tag_of};
use crate::origin::{Boxed, Computed, OriginFailed};

fn arguments(function: &'static Function, key: u8) -> Arguments {
    let mut arguments = Arguments::readable(function);
    arguments.placeholder(&key);
    arguments
}

type Compute<T> = Boxed<Computed<T>>;

type Values = HashMap<u8, Value>;

/// A call as an annotated function makes it, and where nothing is special also as a caller of the
/// cache does.
pub(crate) struct Annotated<'a> {
    pub(crate) cache: &'a Cache,
    pub(crate) function: &'static Function,
    pub(crate) key: u8,
    pub(crate) tagged: bool,
}

impl<'a> Annotated<'a> {
    pub(crate) async fn run(
        self,
        detached: bool,
        unless: bool,
        compute: Compute<Value>,
    ) -> Computed<Value> {
        let call = self.call(kind());
        if detached {
            return call.run_detached(None, not_stored, voice(), compute).await;
        }
        match self.tagged || unless {
            true => call.run_inline(None, not_stored, voice(), compute).await,
            false => self.cache.get_or_compute(&self.key(), || compute).await,
        }
    }

    /// One call for all of them; there is at least one.
    pub(crate) async fn run_many(
        each: Vec<Self>,
        detached: bool,
        mut compute: Box<dyn FnMut(Vec<u8>) -> Compute<Values> + Send>,
    ) -> Computed<Values> {
        let mut call: CallMany<_> = CallMany::new(Probe::<Computed<Values>>::new().many());
        for one in &each {
            call.add(one.key, arguments(one.function, one.key), one.tags());
        }
        let cache = each[0].cache;
        match detached {
            true => call.run_detached(cache, None, voice(), compute).await,
            false => call.run_inline(cache, None, voice(), &mut *compute).await,
        }
    }

    pub(crate) async fn set(self, value: Value) -> Result<()> {
        if self.tagged {
            self.call(kind()).prime(None, |_| false, Ok(value)).await
        } else {
            self.cache.set(&self.key(), value).await
        }
    }

    pub(crate) fn key(&self) -> Key<Value> {
        let arguments = arguments(self.function, self.key);
        arguments.into_key().expect("a number is a key")
    }

    fn call<K: Kind>(&self, kind: K) -> Call<'a, K> {
        Call::new(kind, self.cache, arguments(self.function, self.key)).tags(self.tags())
    }

    fn tags(&self) -> Tags {
        let mut tags = Tags::new();
        if self.tagged {
            tags.push(&tag_of(self.key).to_string());
        }
        tags
    }
}

fn kind() -> PlainResult<Value, OriginFailed> {
    (&&Probe::<Computed<Value>>::new()).kind()
}

fn voice() -> Voice<OriginFailed> {
    let probe = ErrorProbe::new(kind());
    Voice::new((&&&probe).share(), (&probe).say())
}

/// The `unless` of the function.
fn not_stored(returned: &Computed<Value>) -> bool {
    let said = |value: &Value| match value.by {
        By::Writer => Says::Nothing,
        By::Origin { says, .. } => says,
    };
    returned
        .as_ref()
        .is_ok_and(|value| said(value) == Says::Unless)
}
