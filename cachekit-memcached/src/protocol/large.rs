//! Memory for large values, used again.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::{Bytes, BytesMut};

/// The most that is kept, in bytes: what 16 callers with values of half a megabyte take.
const KEEP: usize = 8 * 1024 * 1024;

/// Buffers whose large values nobody holds any more. To take new memory for each, and to give it
/// back, may cost three times as much as to read into it: the system clears every page when it is
/// touched first. Whether it comes to that is up to the allocator, and not the same in two runs of
/// a program.
#[derive(Clone, Debug, Default)]
pub(super) struct LargeBuffers(Arc<Mutex<Vec<BytesMut>>>);

/// A value that brings its memory back when it is dropped.
struct Lent {
    value: BytesMut,
    home: Weak<Mutex<Vec<BytesMut>>>,
}

impl LargeBuffers {
    /// An empty buffer for `length` bytes. A used one is no larger than by a quarter: the value may
    /// be kept for long.
    pub(super) fn take(&self, length: usize) -> BytesMut {
        let fits = |buffer: &BytesMut| (length..=length + length / 4).contains(&buffer.capacity());
        let mut idle = lock(&self.0);
        // The last that came back is the likeliest to be in the caches.
        let used = idle.iter().rposition(fits).map(|place| idle.remove(place));
        drop(idle);
        used.unwrap_or_else(|| BytesMut::with_capacity(length))
    }

    /// `value`, whose memory comes back here with its last clone.
    pub(super) fn lend(&self, value: BytesMut) -> Bytes {
        let home = Arc::downgrade(&self.0);
        Bytes::from_owner(Lent { value, home })
    }

    /// Gives back what is kept.
    pub(super) fn release(&self) {
        let idle = std::mem::take(&mut *lock(&self.0));
        drop(idle);
    }
}

impl AsRef<[u8]> for Lent {
    fn as_ref(&self) -> &[u8] {
        &self.value
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let Some(home) = self.home.upgrade() else {
            return;
        };
        let mut value = std::mem::take(&mut self.value);
        value.clear();
        let mut idle = lock(&home);
        idle.push(value);
        // The oldest go first: their sizes may be wanted no more.
        let kept = idle.iter().rev().scan(0, |sum, buffer| {
            *sum += buffer.capacity();
            (*sum <= KEEP).then_some(())
        });
        let surplus = idle.len() - kept.count();
        let surplus: Vec<BytesMut> = idle.drain(..surplus).collect();
        drop(idle);
        drop(surplus);
    }
}

fn lock(idle: &Mutex<Vec<BytesMut>>) -> MutexGuard<'_, Vec<BytesMut>> {
    idle.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENGTH: usize = 500_000;

    fn filled(buffers: &LargeBuffers, length: usize) -> Bytes {
        let mut buffer = buffers.take(length);
        buffer.resize(length, b'v');
        buffers.lend(buffer)
    }

    fn kept(buffers: &LargeBuffers) -> usize {
        lock(&buffers.0).iter().map(BytesMut::capacity).sum()
    }

    #[test]
    fn memory_is_used_again_when_the_last_clone_of_its_value_is_dropped() {
        let buffers = LargeBuffers::default();
        let value = filled(&buffers, LENGTH);
        let place = value.as_ptr();
        let clone = value.clone();
        drop(value);
        let other = filled(&buffers, LENGTH);
        assert_ne!(other.as_ptr(), place);
        assert!(clone.iter().all(|&byte| byte == b'v'));
        drop(clone);
        let again = filled(&buffers, LENGTH - 1);
        assert_eq!((again.as_ptr(), again.len()), (place, LENGTH - 1));
    }

    #[test]
    fn a_value_is_never_given_far_more_memory_than_it_has() {
        let buffers = LargeBuffers::default();
        drop(filled(&buffers, 2 * LENGTH));
        let before = kept(&buffers);
        let value = filled(&buffers, LENGTH);
        assert_eq!(kept(&buffers), before);
        drop(value);
    }

    #[test]
    fn no_more_than_8_mib_is_kept_and_nothing_after_a_release() {
        let buffers = LargeBuffers::default();
        let values: Vec<Bytes> = (0..40).map(|_| filled(&buffers, LENGTH)).collect();
        assert_eq!(kept(&buffers), 0);
        drop(values);
        assert!(kept(&buffers) <= KEEP && kept(&buffers) > KEEP - 2 * LENGTH);
        drop(filled(&buffers, 2 * KEEP));
        assert_eq!(kept(&buffers), 0);
        drop(filled(&buffers, LENGTH));
        buffers.release();
        assert_eq!(kept(&buffers), 0);
    }

    #[test]
    fn a_value_outlives_the_buffers_it_came_from() {
        let buffers = LargeBuffers::default();
        let value = filled(&buffers, LENGTH);
        drop(buffers);
        assert_eq!(value.len(), LENGTH);
    }
}
