//! A pool for clients that one caller has at a time. It asks a connection nothing when it hands it
//! out: pools that do take twice as long.

use std::mem;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Failed;
use crate::memcached::caller::failed;

/// Connections that wait to be used, all made.
#[derive(Debug)]
pub(super) struct Pool<T> {
    idle: Arc<Mutex<Vec<T>>>,
    permits: Arc<Semaphore>,
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self {
            idle: Arc::clone(&self.idle),
            permits: Arc::clone(&self.permits),
        }
    }
}

impl<T> Pool<T> {
    pub(super) fn new(connections: Vec<T>) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(connections.len())),
            idle: Arc::new(Mutex::new(connections)),
        }
    }

    /// Waits for a connection.
    pub(super) async fn take(&self) -> Result<Taken<T>, Failed> {
        let permit = Arc::clone(&self.permits)
            .acquire_owned()
            .await
            .map_err(failed)?;
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = idle.pop();
        drop(idle);
        Ok(Taken {
            connection: Some(connection.ok_or("the pool is empty")?),
            idle: Arc::clone(&self.idle),
            _permit: permit,
        })
    }
}

/// A connection that goes back to its pool.
#[derive(Debug)]
pub(super) struct Taken<T> {
    connection: Option<T>,
    idle: Arc<Mutex<Vec<T>>>,
    _permit: OwnedSemaphorePermit,
}

impl<T> Deref for Taken<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.connection
            .as_ref()
            .expect("it is there until it goes back")
    }
}

impl<T> DerefMut for Taken<T> {
    fn deref_mut(&mut self) -> &mut T {
        self.connection
            .as_mut()
            .expect("it is there until it goes back")
    }
}

impl<T> Drop for Taken<T> {
    fn drop(&mut self) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.extend(mem::take(&mut self.connection));
    }
}
