//! Carries a schedule out, on one thread: the driver decides which call goes on.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use cachekit_core::testkit::schedules::Chance;
use cachekit_core::testkit::{Faults, seed_jitter};
use tokio::runtime::Builder;

use crate::bug::Bug;
use crate::history::{Event, Outcome, Record};
use crate::operation::Operation;
use crate::origin::Caller;
use crate::schedule::{Schedule, Step, Which};
use crate::world::World;

/// More calls than this at once say nothing more.
const MOST_CALLS: usize = 16;
/// For how long after its last step, and after every trouble, a schedule may take to end: longer
/// than all waits of the cache and the slowest computation together.
const PATIENCE: Duration = Duration::from_secs(400);
const TICK: Duration = Duration::from_millis(500);

/// What happens if `schedule` is carried out: the same each time.
pub(crate) fn run(schedule: &Schedule, bug: Option<Bug>) -> Vec<Record> {
    carried_out(schedule, bug).0
}

/// What happens, and the steps that were taken: with the numbers of calls that were chosen.
pub(crate) fn carried_out(schedule: &Schedule, bug: Option<Bug>) -> (Vec<Record>, Vec<Step>) {
    seed_jitter(Chance::new(schedule.seed).number());
    let runtime = Builder::new_current_thread()
        .build()
        .expect("a runtime without drivers");
    runtime.block_on(async {
        let mut run = Run {
            world: World::new(schedule, bug),
            calls: Vec::new(),
        };
        let mut taken = Vec::new();
        for step in &schedule.steps {
            taken.push(run.step(step).await);
        }
        run.finish().await;
        (run.world.journal.take(), taken)
    })
}

struct Run {
    world: Arc<World>,
    calls: Vec<Running>,
}

struct Running {
    call: usize,
    future: Pin<Box<dyn Future<Output = Outcome> + Send>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Run {
    /// Takes one step, and answers with the calls that it came to.
    async fn step(&mut self, step: &Step) -> Step {
        match step {
            Step::Start {
                call,
                process,
                operation,
            } => {
                if self.calls.len() < MOST_CALLS {
                    self.start(*call, *process, operation);
                }
            }
            Step::Poll(which) => {
                let ready = |running: &Running| running.woken.0.load(Ordering::SeqCst);
                if let Some(index) = self.choose(*which, ready) {
                    let call = self.calls[index].call;
                    self.poll_call(index);
                    return Step::Poll(Which::Call(call));
                }
                settle().await;
                return Step::Settle;
            }
            Step::Settle => settle().await,
            Step::Pass(duration) => self.pass(*duration).await,
            Step::Drop(which) => {
                if let Some(index) = self.choose(*which, |_| true) {
                    let dropped = self.calls.remove(index);
                    let call = dropped.call;
                    self.world.journal.write(Event::Dropped { call });
                    return Step::Drop(Which::Call(call));
                }
            }
            Step::Outage(on) => {
                self.world.store.set_outage(*on);
                self.world.journal.write(Event::Outage(*on));
            }
            Step::Cut { process, on } => self.cut(*process, *on),
            Step::SetBack { process, by } => self.step_back(*process, *by),
        }
        step.clone()
    }

    fn start(&mut self, call: usize, process: usize, operation: &Operation) {
        let writes = self.world.raise(operation);
        self.world.journal.write(Event::Began {
            call,
            process,
            inside: None,
            operation: operation.clone(),
            writes: writes.clone(),
        });
        let world = Arc::clone(&self.world);
        self.calls.push(Running {
            call,
            future: Box::pin(world.perform(Caller { call, process }, operation.clone(), writes)),
            woken: Arc::new(Woken(AtomicBool::new(true))),
        });
    }

    /// The place of the call that is meant, among those that `may` be.
    fn choose(&self, which: Which, may: impl Fn(&Running) -> bool) -> Option<usize> {
        let running = self.calls.iter().enumerate();
        let mut eligible = running.filter(|(_, running)| may(running));
        let chosen = match which {
            Which::Call(call) => eligible.find(|(_, running)| running.call == call),
            Which::Any(number) => {
                let eligible: Vec<_> = eligible.collect();
                eligible.get(number % eligible.len().max(1)).copied()
            }
        };
        chosen.map(|(index, _)| index)
    }

    fn poll_call(&mut self, index: usize) {
        let running = &mut self.calls[index];
        running.woken.0.store(false, Ordering::SeqCst);
        let waker = Waker::from(Arc::clone(&running.woken));
        let future = running.future.as_mut();
        let polled = catch_unwind(AssertUnwindSafe(|| {
            future.poll(&mut Context::from_waker(&waker))
        }));
        let outcome = match polled {
            Ok(Poll::Pending) => return,
            Ok(Poll::Ready(outcome)) => outcome,
            Err(_) => Outcome::Panicked,
        };
        let ended = self.calls.remove(index);
        let call = ended.call;
        self.world.journal.write(Event::Ended { call, outcome });
    }

    async fn pass(&self, duration: Duration) {
        self.world.journal.clock.advance(duration);
        self.world.journal.write(Event::Passed(duration));
        settle().await;
    }

    fn step_back(&self, process: usize, back: Duration) {
        self.world.processes[process].clock.step_back(back);
        let stepped = Event::WallClockStepped { process, back };
        self.world.journal.write(stepped);
    }

    fn cut(&self, process: usize, on: bool) {
        let wire = &self.world.processes[process].wire;
        wire.cut.store(on, Ordering::SeqCst);
        self.world.journal.write(Event::Cut { process, on });
    }

    /// Ends every trouble, and lets time pass until every call has ended.
    async fn finish(&mut self) {
        self.world.store.set_faults(Faults::default());
        self.step(&Step::Outage(false)).await;
        for process in 0..self.world.processes.len() {
            self.cut(process, false);
        }
        let mut passed = Duration::ZERO;
        loop {
            self.go_on().await;
            if self.calls.is_empty() || passed > PATIENCE {
                break;
            }
            self.world.journal.clock.advance(TICK);
            passed += TICK;
        }
        for running in std::mem::take(&mut self.calls) {
            let call = running.call;
            self.world.journal.write(Event::Unended { call });
        }
    }

    /// Until nothing can go on before time passes.
    async fn go_on(&mut self) {
        settle().await;
        while let Some(index) = self
            .calls
            .iter()
            .position(|running| running.woken.0.load(Ordering::SeqCst))
        {
            self.poll_call(index);
            settle().await;
        }
    }
}

/// Lets the tasks of the runtime go on, and those that they wake.
async fn settle() {
    for _ in 0..3 {
        tokio::task::yield_now().await;
    }
}
