//! Seeded schedules of processes that share a tag.

use super::*;

/// Processes that read, compute and invalidate one entry over a store with faults. The entry is
/// written blindly, whoever is last: tags have to do without a fence.
struct Schedule {
    name: u64,
    entry: Mutex<Option<(Vec<TagVersion>, u64)>>,
    /// What the origin would answer: a number that every change raises.
    origin: AtomicU64,
    /// The last change whose invalidation has completed.
    invalidated: AtomicU64,
    /// Whether tags are captured when the computation has ended.
    too_late: bool,
}

impl Schedule {
    async fn invalidate(&self, cache: &Cache) {
        let change = self.origin.fetch_add(1, Ordering::SeqCst) + 1;
        if cache.remove_tag("user:42").await.is_ok() {
            self.invalidated.fetch_max(change, Ordering::SeqCst);
        }
    }

    /// Answers whether the read was right.
    async fn read(&self, cache: &Cache) -> bool {
        let names = [self.name];
        let invalidated = self.invalidated.load(Ordering::SeqCst);
        let mut versions = read(&cache.inner, &names).await;
        let entry = self.entry().clone();
        if let Some((tags, value)) = entry
            && check(&tags, &names, &versions) == Verdict::Valid
        {
            return value >= invalidated;
        }
        if self.too_late {
            let value = self.compute(cache).await;
            versions = read(&cache.inner, &names).await;
            capture(&cache.inner, &mut versions).await;
            self.store(&versions, value);
        } else {
            capture(&cache.inner, &mut versions).await;
            let value = self.compute(cache).await;
            self.store(&versions, value);
        }
        true
    }

    async fn compute(&self, cache: &Cache) -> u64 {
        let value = self.origin.load(Ordering::SeqCst);
        cache.inner.clock.sleep(Duration::from_millis(3)).await;
        value
    }

    fn store(&self, versions: &Versions, value: u64) {
        if let Some(tags) = versions.captured(&[self.name]) {
            *self.entry() = Some((tags, value));
        }
    }

    fn entry(&self) -> MutexGuard<'_, Option<(Vec<TagVersion>, u64)>> {
        self.entry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether every read of the schedule with this seed was right.
async fn holds(seed: u64, too_late: bool) -> bool {
    let fleet = Fleet::new();
    fleet.store.set_faults(Faults {
        seed,
        errors: 0.05,
        lost_replies: 0.1,
        delayed: 0.5,
        delay: Duration::from_millis(2),
    });
    let schedule = Arc::new(Schedule {
        name: hash("user:42"),
        entry: Mutex::default(),
        origin: AtomicU64::new(1),
        invalidated: AtomicU64::new(0),
        too_late,
    });
    let mut tasks = JoinSet::new();
    for process in 0..4 {
        let (cache, schedule) = (fleet.process(), Arc::clone(&schedule));
        tasks.spawn(async move {
            let mut held = true;
            for turn in 0..12_u64 {
                let drawn = seed.rotate_left(process * 16).wrapping_add(turn * 7);
                if drawn.is_multiple_of(4) {
                    schedule.invalidate(&cache).await;
                } else {
                    held &= schedule.read(&cache).await;
                }
            }
            held
        });
    }
    run(&fleet, tasks).await.into_iter().all(|held| held)
}

/// Any odd multiplier makes seeds of numbers that differ in few bits.
fn seeds() -> impl Iterator<Item = u64> {
    (1..=500_u64).map(|number| number.wrapping_mul(0x9E37_79B9_7F4A_7C15))
}

#[tokio::test]
async fn no_schedule_lets_an_entry_outlive_an_invalidation_that_completed() {
    for seed in seeds() {
        assert!(holds(seed, false).await, "seed {seed:#x}");
    }
}

#[tokio::test]
async fn tags_that_are_captured_after_the_computation_are_found_out() {
    let mut found = false;
    for seed in seeds() {
        found = found || !holds(seed, true).await;
    }
    assert!(found);
}
