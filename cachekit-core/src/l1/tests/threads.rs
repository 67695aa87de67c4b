//! Several threads on few keys: what one has ended, no other may meet.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicUsize};

use super::*;

/// Those with an odd index have a tag.
const KEYS: [&str; 4] = ["a", "b", "c", "d"];
const ROUNDS: usize = 20_000;
const SHORT: Span = Span {
    fresh: Duration::from_millis(50),
    early: Duration::from_millis(10),
    grace: Duration::from_millis(100),
};

/// A value of some version, and a moment by which it had entered.
type Dated = Arc<(u64, AtomicU64)>;

/// What a key stands for.
#[derive(Default)]
struct Origin {
    version: AtomicU64,
    /// All versions below this one were invalidated.
    valid_from: AtomicU64,
}

struct Scene {
    l1: Arc<L1>,
    time: Arc<Still>,
    origins: [Origin; KEYS.len()],
    over: AtomicBool,
    found: AtomicUsize,
}

impl Scene {
    fn new() -> Self {
        // One entry fewer than keys: evictions, too.
        let (l1, time) = l1(KEYS.len() - 1, 1 << 20);
        Self {
            l1,
            time,
            origins: Default::default(),
            over: AtomicBool::new(false),
            found: AtomicUsize::new(0),
        }
    }

    fn now_ms(&self) -> u64 {
        self.time.monotonic_ms()
    }

    /// Changes the origins and says so, in another way each time, while time passes.
    fn change(&self) {
        for round in 0..ROUNDS {
            let n = round % KEYS.len();
            let (key, origin) = (KEYS[n].as_bytes(), &self.origins[n]);
            let version = origin.version.fetch_add(1, Ordering::SeqCst) + 1;
            match round % 5 {
                0 => self.l1.remove(key),
                1 => self.l1.invalidate_where(|other| other == key),
                2 if n % 2 == 1 => self.l1.tags().remove(n as u64),
                _ => self.l1.expire(key),
            }
            origin.valid_from.store(version, Ordering::SeqCst);
            self.time.set(self.now_ms() + round as u64 % 3);
            if round.is_multiple_of(128) {
                thread::yield_now();
            }
        }
        self.over.store(true, Ordering::SeqCst);
    }

    /// Fills as a computation does.
    fn fill(&self, n: usize, round: usize) {
        let (key, origin) = (key(KEYS[n]), &self.origins[n]);
        let mut fill = self.l1.begin(&key);
        fill.tag(&[n as u64][..n % 2]);
        let version = origin.version.load(Ordering::SeqCst);
        let value: Dated = Arc::new((version, AtomicU64::new(u64::MAX)));
        let kept = Arc::new(Arc::clone(&value));
        if round.is_multiple_of(8) {
            thread::yield_now();
        }
        match round % 3 {
            0 => fill.complete_written(kept, SHORT, 8),
            _ => fill.complete(kept, SHORT, 8),
        }
        value.1.store(self.now_ms(), Ordering::SeqCst);
        self.l1
            .throttle(&key, Duration::from_millis(round as u64 % 20));
    }

    /// Reads, and panics if what it finds is not what a reader may find.
    fn read(&self, n: usize) {
        let (key, origin) = (KEYS[n].as_bytes(), &self.origins[n]);
        let (began_ms, valid_from) = (self.now_ms(), origin.valid_from.load(Ordering::SeqCst));
        let found: Option<Dated> = self.l1.get(key).or_else(|| match self.l1.look(key) {
            Look::Fresh { value, .. } => Some(value),
            Look::Early { value, .. } => {
                self.l1.claim(key);
                Some(value)
            }
            _ => None,
        });
        let Some(value) = found else { return };
        let (version, entered_ms) = (value.0, value.1.load(Ordering::SeqCst));
        assert!(version >= valid_from, "{version} < {valid_from}");
        let end_ms = entered_ms.saturating_add(50);
        assert!(began_ms < end_ms, "ended at {end_ms}, read at {began_ms}");
        self.found.fetch_add(1, Ordering::Relaxed);
    }

    fn repeat(&self, act: impl Fn(usize)) {
        let mut round = 0;
        while !self.over.load(Ordering::Relaxed) {
            act(round);
            round += 1;
        }
    }
}

#[test]
fn nothing_in_grace_or_expired_or_removed_is_ever_met_as_fresh() {
    let scene = Scene::new();
    thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| scene.repeat(|round| scene.fill(round % KEYS.len(), round)));
            threads.spawn(|| scene.repeat(|round| scene.read(round % KEYS.len())));
        }
        scene.change();
    });
    let found = scene.found.into_inner();
    assert!(found > 0, "nothing was found at all");
    assert_eq!(counts(&scene.l1).1, 0, "fills under way");
}

#[test]
fn of_many_threads_one_claims_an_early_entry() {
    let (l1, time) = l1(10_000, 1 << 24);
    let names: Vec<String> = (0..5_000).map(|n| n.to_string()).collect();
    for name in &names {
        put_for(&l1, name, 7, LINE);
    }
    time.set(8_000);
    let (barrier, claims) = (Barrier::new(4), AtomicUsize::new(0));
    thread::scope(|threads| {
        for _ in 0..4 {
            threads.spawn(|| {
                barrier.wait();
                let claimed = names.iter().filter(|name| l1.claim(name.as_bytes()));
                claims.fetch_add(claimed.count(), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(claims.into_inner(), names.len());
}
