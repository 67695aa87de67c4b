//! Tasks that go on without their caller.

use tokio::sync::oneshot;

use crate::cache::Inner;
use crate::error::{Error, ErrorKind, Result};

impl Inner {
    /// Runs `task` to its end, whether or not the caller is polled again: others wait for it.
    pub(crate) async fn apart<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> Result<T> {
        let (tell, told) = oneshot::channel();
        self.clock.spawn(async move {
            let _ = tell.send(task.await); // a caller who is gone does not care
        })?;
        let lost = |_| Error::new(ErrorKind::ComputationLost, "background runtime");
        told.await.map_err(lost)
    }
}
