//! How much memory is asked for at once.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

static LARGEST: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, which remembers the largest request.
#[derive(Debug)]
pub struct Watched;

#[expect(
    unsafe_code,
    reason = "GlobalAlloc is an unsafe trait; each call goes to the system's allocator as it is"
)]
unsafe impl GlobalAlloc for Watched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        LARGEST.fetch_max(layout.size(), Ordering::Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.fetch_max(size, Ordering::Relaxed);
        unsafe { System.realloc(at, layout, size) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
}

/// Runs `read` on `input`, in a program whose allocator is [`Watched`].
///
/// # Panics
/// When it asks for far more memory than `input` has bytes: a length that a server only declares
/// must cost nothing.
pub fn bounded(input: &[u8], read: impl FnOnce(&[u8])) {
    /// What a reader may take to begin with, for a value that is announced.
    const START: usize = 9 * 1024 * 1024;
    /// Replies in memory are larger than on the wire: `MN` and a line end become a whole `Reply`,
    /// in a list that doubles as it grows.
    const PER_BYTE: usize = 128;
    LARGEST.store(0, Ordering::Relaxed);
    read(input);
    let largest = LARGEST.load(Ordering::Relaxed);
    let limit = START + PER_BYTE * input.len();
    assert!(
        largest <= limit,
        "{largest} bytes at once for an input of {}",
        input.len()
    );
}
