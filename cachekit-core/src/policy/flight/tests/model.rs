//! Flights in many orders of their threads.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

use shuttle::future::block_on;
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread::{self, JoinHandle};

use super::*;
use crate::policy::bulkhead::{Bulkhead, Permit};
use crate::policy::lock::Lock;
use crate::policy::tests::model::{clock, in_many_orders};

const CALLERS: usize = 4;

/// What there is to be computed, and how far its invalidations have come.
#[derive(Default)]
struct Origin {
    version: AtomicU32,
    invalidated: AtomicU32,
}

/// What the threads of one order share.
struct Scene {
    time: ManualClock,
    flights: Arc<Flights>,
    origin: Origin,
    in_the_air: Lock<Vec<Arc<Flight>>>,
}

impl Scene {
    fn new() -> Arc<Self> {
        let time = ManualClock::new();
        Arc::new(Self {
            flights: flights_on(clock(&time)),
            time,
            origin: Origin::default(),
            in_the_air: Lock::default(),
        })
    }

    /// `callers` threads that do the same.
    fn callers(self: &Arc<Self>, call: impl Fn(&Self) + Copy + Send + 'static) -> Threads {
        let spawn = |_| {
            let scene = Arc::clone(self);
            thread::spawn(move || call(&scene))
        };
        Threads((0..CALLERS).map(spawn).collect())
    }

    fn join(&self) -> Role {
        self.flights.join(&key("a"), DEADLINE, &[])
    }

    /// Runs one call to its end, as often as it has to begin again. The value and how it came.
    fn call(&self, lead: impl Fn(&Self, Leader) -> Option<u32>) -> Option<u32> {
        let mut again = false;
        loop {
            let waiter = match self.join() {
                Role::Leader(leader) => return lead(self, leader),
                Role::Waiter(waiter) => waiter.after_another(again),
            };
            match block_on(waiter.wait(false, None)) {
                Arrival::Value(value) | Arrival::Stale(value) => {
                    return Some(*value.downcast_ref().expect("a version"));
                }
                Arrival::Again => again = true,
                _ => return None,
            }
        }
    }

    /// What a leader does: nobody else does it for the same key, but who is overdue.
    fn compute<R>(&self, leader: &Leader, compute: impl FnOnce() -> R) -> R {
        self.in_the_air.with(|flights| {
            let now_ms = self.time.clock().monotonic_ms();
            let overdue = |flight: &Arc<Flight>| flight.is_overdue(now_ms);
            assert!(overdue(&leader.flight) || flights.iter().all(overdue));
            flights.push(Arc::clone(&leader.flight));
        });
        let result = compute();
        self.in_the_air
            .with(|flights| flights.retain(|other| !Arc::ptr_eq(other, &leader.flight)));
        result
    }

    /// Changes the origin, and lets nobody join what began before.
    fn invalidate(&self) {
        let version = self.origin.version.fetch_add(1, Ordering::SeqCst) + 1;
        others_go_on();
        self.flights.forget(b"a");
        self.origin.invalidated.fetch_max(version, Ordering::SeqCst);
    }
}

struct Threads(Vec<JoinHandle<()>>);

impl Threads {
    fn join(self) {
        for thread in self.0 {
            thread.join().expect("no panic in a caller");
        }
    }
}

fn others_go_on() {
    thread::yield_now();
}

fn one_in(n: u32) -> bool {
    thread_rng().gen_ratio(1, n)
}

fn a_landing(value: u32) -> Landing {
    match thread_rng().gen_range(0..6) {
        0 => Landing::Absent,
        1 => Landing::Private(Arc::new(value)),
        2 => Landing::Superseded(Arc::new(value)),
        3 => Landing::Panicked(None),
        4 => Landing::Failed {
            original: None,
            shared: one_in(2).then(|| Arc::new(value) as _),
        },
        _ => Landing::Value(Arc::new(value)),
    }
}

#[test]
fn in_every_order_one_leads_a_key_at_a_time_and_every_call_ends() {
    in_many_orders(|| {
        let scene = Scene::new();
        let call = |scene: &Scene| {
            scene.call(|scene, leader| {
                scene.compute(&leader, others_go_on);
                match one_in(3) {
                    true => drop(leader), // somebody else leads
                    false => leader.land(a_landing(0)),
                }
                None
            });
        };
        scene.callers(call).join();
        assert!(matches!(scene.join(), Role::Leader(_)));
    });
}

#[test]
fn in_every_order_no_call_gets_what_was_invalidated_before_it() {
    in_many_orders(|| {
        let scene = Scene::new();
        let call = |scene: &Scene| {
            let before = scene.origin.invalidated.load(Ordering::SeqCst);
            let value = scene.call(|scene, leader| {
                let version = &scene.origin.version;
                let value = version.load(Ordering::SeqCst);
                if one_in(3) {
                    leader.offer(Offer {
                        value: Arc::new(value),
                        fresh_until_ms: u64::MAX,
                        until_ms: u64::MAX,
                        serves_stale: false,
                    });
                }
                others_go_on();
                match version.load(Ordering::SeqCst) == value {
                    true => leader.land(Landing::Value(Arc::new(value))),
                    false => leader.land(Landing::Superseded(Arc::new(value))),
                }
                Some(value)
            });
            assert!(value.is_some_and(|value| value >= before));
        };
        let callers = scene.callers(call);
        scene.invalidate();
        scene.invalidate();
        callers.join();
    });
}

#[test]
fn in_every_order_a_flight_that_hangs_holds_nobody_past_its_deadline() {
    in_many_orders(|| {
        let scene = Scene::new();
        let hanging = leader(&scene.flights, "a");
        let call = |scene: &Scene| {
            scene.call(|scene, leader| {
                scene.compute(&leader, others_go_on);
                leader.land(Landing::Value(Arc::new(1_u32)));
                Some(1)
            });
        };
        let callers = scene.compute(&hanging, || {
            let callers = scene.callers(call);
            scene.time.advance(DEADLINE - Duration::from_millis(1));
            others_go_on();
            scene.time.advance(Duration::from_millis(1));
            others_go_on();
            callers
        });
        assert!(hanging.is_overdue());
        if one_in(2) {
            hanging.land(a_landing(0));
            callers.join();
        } else {
            callers.join();
            assert!(matches!(scene.join(), Role::Leader(_)));
        }
    });
}

/// A flight whose task is ended by `ends`, and its callers: one for each of `leave`.
fn detached(scene: &Arc<Scene>, leave: &'static [fn(Waiter)]) -> (Leader, Arc<AtomicUsize>) {
    let ends = Arc::new(AtomicUsize::new(0));
    let leader = leader(&scene.flights, "a");
    let starter = leader.starter();
    let waiters = (1..leave.len()).map(|_| waiter(&scene.flights, "a"));
    let callers: Vec<_> = std::iter::once(starter).chain(waiters).collect();
    let count = Arc::clone(&ends);
    callers[0].ended_by(move || {
        count.fetch_add(1, Ordering::SeqCst);
    });
    let spawn =
        |(caller, leave): (Waiter, &'static fn(Waiter))| thread::spawn(move || leave(caller));
    Threads(callers.into_iter().zip(leave).map(spawn).collect()).join();
    (leader, ends)
}

#[test]
fn in_every_order_a_detached_flight_ends_once_when_all_are_dropped() {
    in_many_orders(|| {
        let scene = Scene::new();
        let (_leader, ends) = detached(&scene, &[drop, drop, drop]);
        assert_eq!(ends.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn in_every_order_a_detached_flight_goes_on_once_somebody_has_left_it_so() {
    in_many_orders(|| {
        let scene = Scene::new();
        let (_leader, ends) = detached(&scene, &[drop, |waiter| waiter.offering().keep(), drop]);
        assert_eq!(ends.load(Ordering::SeqCst), 0);
    });
}

#[test]
fn in_every_order_the_error_itself_is_told_once_and_to_the_starter() {
    in_many_orders(|| {
        let scene = Scene::new();
        let leader = leader(&scene.flights, "a");
        let callers = [
            leader.starter(),
            waiter(&scene.flights, "a"),
            waiter(&scene.flights, "a"),
        ];
        let told = callers.map(|caller| thread::spawn(move || block_on(caller.wait(false, None))));
        leader.land(Landing::Failed {
            original: Some(Box::new("original")),
            shared: Some(Arc::new("shared")),
        });
        let [own, others @ ..] = told.map(|thread| thread.join().expect("no panic"));
        assert!(matches!(own, Arrival::OwnError(_)));
        assert!(
            others
                .iter()
                .all(|told| matches!(told, Arrival::SharedError(_)))
        );
    });
}

/// Two computations that hold all permits and wait for two that have none.
struct Crowd {
    flights: Arc<Flights>,
    bulkhead: Bulkhead,
    running: AtomicUsize,
    /// Whether who waits always waits to the end.
    patient: bool,
}

impl Crowd {
    fn run(patient: bool) {
        let crowd = Arc::new(Self {
            flights: flights_on(clock(&ManualClock::new())),
            bulkhead: Bulkhead::new(2),
            running: AtomicUsize::new(0),
            patient,
        });
        let spawn = |(name, inside)| {
            let crowd = Arc::clone(&crowd);
            thread::spawn(move || crowd.compute(name, inside))
        };
        let works = [("a", Some("c")), ("b", Some("d")), ("c", None), ("d", None)];
        Threads(works.map(spawn).into()).join();
        assert_eq!(crowd.bulkhead.free(), 2);
    }

    fn compute(&self, name: &str, inside: Option<&str>) {
        let Role::Leader(leader) = self.flights.join(&key(name), DEADLINE, &[]) else {
            return;
        };
        let permit = Arc::new(block_on(leader.permit(&self.bulkhead)));
        self.enter();
        others_go_on();
        if let Some(inside) = inside {
            self.leave();
            self.wait(inside, &permit);
            self.enter();
        }
        self.leave();
        drop(permit);
        leader.land(Landing::Value(Arc::new(0_u32)));
    }

    fn wait(&self, name: &str, permit: &Arc<Permit>) {
        if let Role::Waiter(waiter) = self.flights.join(&key(name), DEADLINE, &[]) {
            {
                let mut wait = pin!(waiter.wait(true, Some(Arc::clone(permit))));
                match self.patient || one_in(2) {
                    true => drop(block_on(wait)),
                    false => drop(polled(wait.as_mut())),
                }
            }
            block_on(permit.regain());
        }
    }

    fn enter(&self) {
        let running = self.running.fetch_add(1, Ordering::SeqCst);
        assert!(running < 2);
    }

    fn leave(&self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[test]
fn in_every_order_a_full_bulkhead_goes_on_and_holds() {
    in_many_orders(|| Crowd::run(true));
}

#[test]
fn in_every_order_nobody_keeps_a_permit_when_callers_give_up() {
    in_many_orders(|| Crowd::run(false));
}
