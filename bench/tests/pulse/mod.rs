//! Whether the machine of a test stood still, for so long that what ran there may tell nothing.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use cachekit_core::clock::Clock;

/// Longer than a machine may stand still before others notice: half of the time that a call to a
/// store may take.
const STILL: Duration = Duration::from_millis(500);

/// How often a thread and its disk show that they live.
const BEAT: Duration = Duration::from_millis(20);

/// A thread that wakes up again and again, and writes a file each time; it ends with the longest pause.
pub(crate) struct Pulse {
    over: Arc<AtomicBool>,
    thread: JoinHandle<Duration>,
}

impl Pulse {
    pub(crate) fn start() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let file = format!("cachekit-pulse-{}-{next}", std::process::id());
        let file = std::env::temp_dir().join(file);
        let over = Arc::<AtomicBool>::default();
        let seen = Arc::clone(&over);
        let thread = std::thread::spawn(move || beat(&file, &seen));
        Self { over, thread }
    }

    /// Whether there was a long pause between two beats, until now.
    pub(crate) fn stood_still(self) -> bool {
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().expect("it only writes a file") > STILL
    }
}

fn beat(file: &PathBuf, over: &AtomicBool) -> Duration {
    let clock = Clock::system();
    let (mut last, mut longest) = (clock.monotonic_ms(), 0);
    while !over.load(Ordering::Relaxed) {
        std::thread::park_timeout(BEAT);
        // Where the disk stands still, this does as well.
        let _ = fs::write(file, [0; 4_096]).and_then(|()| fs::remove_file(file));
        let now = clock.monotonic_ms();
        longest = longest.max(now - last);
        last = now;
    }
    Duration::from_millis(longest)
}
