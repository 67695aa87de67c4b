//! What a call would find.

use super::Call;
use crate::cache::Cache;
use crate::cache::arguments::Key;
use crate::cache::explanation::Explanation;
use crate::cache::form::Form;
use crate::cache::kind::Kind;

impl<K, F> Call<'_, K, F>
where
    K: Kind,
    K::Error: 'static,
    F: Form<K::Value>,
{
    /// What this call would find, and why: see [`Cache::explain`].
    pub async fn explain(self) -> Explanation {
        let function = self.arguments.function();
        match self.key_unless_bypassed() {
            Some((cache, key)) => cache.explain(&key).await,
            None => Explanation::bypass(function),
        }
    }

    /// [`explain`](Self::explain), blocking this thread.
    pub fn explain_blocking(self) -> Explanation {
        let function = self.arguments.function();
        match self.key_unless_bypassed() {
            Some((cache, key)) => cache.explain_blocking(&key),
            None => Explanation::bypass(function),
        }
    }

    fn key_unless_bypassed(self) -> Option<(Cache, Key<K::Value, F>)> {
        let cached = !self.arguments.is_bypassed();
        cached.then(|| self.key().ok())?
    }
}
