//! Time that stands still until a test moves it.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::background;
use crate::clock::{Clock, Time};
use crate::error::Result;

/// 2023-11-14 22:13:20 UTC: a moment that no machine mistakes for "now".
const START_UNIX: Duration = Duration::from_secs(1_700_000_000);

/// A [`Time`] that a test moves by hand. Clones show the same time.
///
/// ```
/// use std::time::Duration;
///
/// use cachekit_core::testkit::ManualClock;
///
/// let time = ManualClock::new();
/// let clock = time.clock();
/// let before = clock.monotonic_ms();
/// time.advance(Duration::from_secs(2));
/// assert_eq!(clock.monotonic_ms() - before, 2_000);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock(Arc<Mutex<Hands>>);

#[derive(Debug)]
struct Hands {
    monotonic: Duration,
    unix: Duration,
    /// Who sleeps, by the time to wake and then by who lay down first.
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    slept: u64,
}

impl ManualClock {
    /// A clock at a fixed moment, the same in every test.
    #[must_use]
    pub fn new() -> Self {
        Self(Arc::new(Mutex::new(Hands {
            monotonic: Duration::from_secs(1_000),
            unix: START_UNIX,
            sleepers: BTreeMap::new(),
            slept: 0,
        })))
    }

    /// A [`Clock`] that shows this time.
    #[must_use]
    pub fn clock(&self) -> Clock {
        Clock::with_time(Arc::new(self.clone()))
    }

    /// Moves both readings on by `duration` and wakes, in the order of their deadlines, those who
    /// slept until then. The woken find the clock at its new reading.
    pub fn advance(&self, duration: Duration) {
        let due = {
            let mut hands = self.hands();
            hands.monotonic += duration;
            hands.unix += duration;
            let now = hands.monotonic;
            let later = hands.sleepers.split_off(&(now, u64::MAX));
            std::mem::replace(&mut hands.sleepers, later)
        };
        for sleeper in due.into_values() {
            // A sleeper whose future was dropped does not care.
            let _ = sleeper.send(());
        }
    }

    /// Sets the unix reading back by `duration`, as a correction of the system's clock does. The
    /// monotonic reading stays.
    pub fn step_back(&self, duration: Duration) {
        let mut hands = self.hands();
        hands.unix = hands.unix.saturating_sub(duration);
    }

    /// How many sleep: what a test waits for before it moves the clock.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.hands()
            .sleepers
            .values()
            .filter(|sleeper| !sleeper.is_closed())
            .count()
    }

    fn hands(&self) -> MutexGuard<'_, Hands> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

impl Time for ManualClock {
    fn monotonic_ms(&self) -> u64 {
        millis(self.hands().monotonic)
    }

    fn unix_ms(&self) -> u64 {
        millis(self.hands().unix)
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        if duration.is_zero() {
            return Box::pin(std::future::ready(()));
        }
        let (wake, woken) = oneshot::channel();
        let mut hands = self.hands();
        hands.sleepers.retain(|_, sleeper| !sleeper.is_closed());
        hands.slept += 1;
        let place = (hands.monotonic.saturating_add(duration), hands.slept);
        hands.sleepers.insert(place, wake);
        drop(hands);
        Box::pin(async move {
            if woken.await.is_err() {
                // The clock is gone: its time never comes.
                std::future::pending::<()>().await;
            }
        })
    }

    /// On the runtime of the test, where it has one: a single-threaded one then takes the same
    /// course each time.
    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) -> Result<JoinHandle<()>> {
        match Handle::try_current() {
            Ok(runtime) => Ok(runtime.spawn(task)),
            Err(_) => background::spawn(task),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn sleepers_wake_in_the_order_of_their_deadlines() {
        let time = ManualClock::new();
        let (log, mut woken) = tokio::sync::mpsc::unbounded_channel();
        for seconds in [3, 1, 2] {
            let (sleep, log) = (time.sleep(Duration::from_secs(seconds)), log.clone());
            tokio::spawn(async move {
                sleep.await;
                log.send(seconds).unwrap();
            });
        }
        tokio::task::yield_now().await;
        time.advance(Duration::from_secs(2));
        assert_eq!(woken.recv().await, Some(1));
        assert_eq!(woken.recv().await, Some(2));
        assert_eq!(time.sleepers(), 1);
        time.advance(Duration::from_secs(1));
        assert_eq!(woken.recv().await, Some(3));
    }

    #[tokio::test]
    async fn what_it_spawns_runs_in_the_runtime_of_the_test() {
        let here = std::thread::current().id();
        let (tell, there) = oneshot::channel();
        let task = async move { tell.send(std::thread::current().id()).unwrap() };
        ManualClock::new().clock().spawn(task).unwrap();
        assert_eq!(there.await, Ok(here));
    }

    #[tokio::test]
    async fn a_dropped_sleep_is_forgotten() {
        let time = ManualClock::new();
        drop(time.sleep(Duration::from_secs(1)));
        assert_eq!(time.sleepers(), 0);
        time.advance(Duration::from_secs(1));
    }

    #[test]
    fn a_step_back_moves_the_unix_reading_only() {
        let time = ManualClock::new();
        let clock = time.clock();
        let (monotonic, unix) = (clock.monotonic_ms(), clock.unix_ms());
        time.step_back(Duration::from_secs(60));
        assert_eq!(clock.monotonic_ms(), monotonic);
        assert_eq!(clock.unix_ms(), unix - 60_000);
    }
}
