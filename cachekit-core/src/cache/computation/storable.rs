//! Whether a result can be stored, and the bytes that it is stored as.

use std::fmt;

use super::{Computation, Ended};
use crate::cache::form::Form;
use crate::cache::stats::Event;
use crate::cache::tags;
use crate::envelope;

/// A value as bytes, or how many those would be.
pub(super) struct Encoded {
    pub(super) buffer: Vec<u8>,
    pub(super) bytes: usize,
}

type Reason = Box<dyn fmt::Display + Send + Sync>;

impl<V, F> Computation<V, F>
where
    V: Send + Sync + 'static,
    F: Form<V>,
{
    /// What the computation has named of `tags` beside the declared ones, once each.
    pub(super) fn named_late(&self, tags: &[String]) -> Vec<u64> {
        let mut names: Vec<u64> = tags.iter().map(|name| tags::hash(name)).collect();
        names.sort_unstable();
        names.dedup();
        names.retain(|name| !self.key.tags().contains(name));
        names
    }

    /// This computation and its result as bytes, if that is still true and can be stored, with so
    /// many `tags`.
    pub(super) async fn storable(
        self,
        value: Option<&V>,
        tags: usize,
    ) -> Result<(Self, Encoded), Ended<V>> {
        let fenced = self
            .remote
            .as_ref()
            .is_some_and(|remote| remote.leading.is_fenced());
        if !self.fill.stands() && !fenced {
            // A store that cannot fence would take it.
            self.give_up_late().await;
            return Err(Ended::Superseded);
        }
        match self.encoded(value, tags) {
            Ok(encoded) => Ok((self, encoded)),
            Err(refusal) => {
                self.refuse(&*refusal).await;
                Err(Ended::Plain)
            }
        }
    }

    fn encoded(&self, value: Option<&V>, tags: usize) -> Result<Encoded, Reason> {
        if let Some(refusal) = F::refusal() {
            return Err(Box::new(refusal));
        }
        if tags > tags::MAX_TAGS {
            let most = tags::MAX_TAGS;
            return Err(Box::new(format!(
                "{tags} tags, and an entry has at most {most}"
            )));
        }
        let mut buffer = envelope::begin();
        let bytes = match value {
            None => Ok(0),
            Some(value) if self.remote.is_none() => {
                F::measure(value).map(|bytes| bytes + size_of::<V>())
            }
            Some(value) => F::encode(value, &mut buffer).map(|()| buffer.len()),
        };
        match bytes {
            Ok(bytes) => Ok(Encoded { buffer, bytes }),
            Err(error) => Err(Box::new(error)),
        }
    }

    async fn refuse(self, reason: &(dyn fmt::Display + Sync)) {
        let function = self.key.function();
        self.inner.count(function, Event::Refused);
        function.refuse(reason);
        self.mark().await;
    }
}
