//! A history by its calls and computations.

use std::collections::BTreeMap;
use std::iter;
use std::time::Duration;

use crate::history::{ComputationEnd, Event, Outcome, Record, Reply, Value};
use crate::operation::{Operation, Says};
use crate::schedule::Schedule;

/// How long a lead stands unless it is renewed, in milliseconds.
const HOLD_MS: u64 = 6_000;

/// A place in a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    index: usize,
    pub(super) at_ms: u64,
}

impl Moment {
    const NEVER: Self = Self {
        index: usize::MAX,
        at_ms: u64::MAX,
    };
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) number: usize,
    pub(super) process: usize,
    /// The call whose computation called.
    pub(super) inside: Option<usize>,
    pub(super) operation: Operation,
    /// The versions that others must see from its end on.
    writes: Vec<(u8, u32)>,
    pub(super) began: Moment,
    /// When it ended or was dropped.
    pub(super) over: Moment,
    pub(super) outcome: Option<Outcome>,
    pub(super) unended: bool,
}

impl Call {
    /// Each key that it asked for, and what it was given.
    pub(super) fn all_found(&self) -> &[(u8, Option<Value>)] {
        match &self.outcome {
            Some(Outcome::Values(values)) => values,
            _ => &[],
        }
    }

    /// What it was given for `key`.
    pub(super) fn found(&self, key: u8) -> impl Iterator<Item = &Option<Value>> {
        let of_key = self.all_found().iter().filter(move |(of, _)| *of == key);
        of_key.map(|(_, value)| value)
    }

    /// The version of `key` that others must see from its end on.
    pub(super) fn written(&self, key: u8) -> Option<u32> {
        let mut writes = self.writes.iter();
        writes.find_map(|(of, version)| (*of == key).then_some(*version))
    }
}

#[derive(Debug)]
pub(super) struct Computation {
    pub(super) call: usize,
    pub(super) key: u8,
    pub(super) version: u32,
    pub(super) began: Moment,
    pub(super) over: Moment,
    pub(super) end: ComputationEnd,
}

pub(super) struct Story<'a> {
    pub(super) schedule: &'a Schedule,
    history: &'a [Record],
    pub(super) calls: BTreeMap<usize, Call>,
    /// In the order in which they began.
    pub(super) computations: Vec<Computation>,
}

impl<'a> Story<'a> {
    pub(super) fn new(schedule: &'a Schedule, history: &'a [Record]) -> Self {
        let mut story = Self {
            schedule,
            history,
            calls: BTreeMap::new(),
            computations: Vec::new(),
        };
        for (index, Record { at_ms, event }) in history.iter().enumerate() {
            let at_ms = *at_ms;
            story.tell(Moment { index, at_ms }, event);
        }
        story
    }

    fn tell(&mut self, now: Moment, event: &Event) {
        match event {
            Event::Began {
                call,
                process,
                inside,
                operation,
                writes,
            } => {
                let call = Call {
                    number: *call,
                    process: *process,
                    inside: *inside,
                    operation: operation.clone(),
                    writes: writes.clone(),
                    began: now,
                    over: Moment::NEVER,
                    outcome: None,
                    unended: false,
                };
                self.calls.insert(call.number, call);
            }
            Event::Ended { call, outcome } => {
                let call = self.call_mut(*call);
                (call.over, call.outcome) = (now, Some(outcome.clone()));
            }
            Event::Dropped { call } => self.call_mut(*call).over = now,
            Event::Unended { call } => self.call_mut(*call).unended = true,
            Event::Computing { call, key, version } => self.computations.push(Computation {
                call: *call,
                key: *key,
                version: *version,
                began: now,
                over: Moment::NEVER,
                end: ComputationEnd::Cancelled,
            }),
            Event::Computed { call, key, end } => {
                let mut computations = self.computations.iter_mut().rev();
                let own = computations.find(|own| own.call == *call && own.key == *key);
                let own = own.expect("what ends has begun");
                (own.over, own.end) = (now, *end);
            }
            _ => {}
        }
    }

    fn call_mut(&mut self, number: usize) -> &mut Call {
        self.calls.get_mut(&number).expect("what ends has begun")
    }

    pub(super) fn call_of(&self, computation: &Computation) -> &Call {
        &self.calls[&computation.call]
    }

    /// The calls that `call` is inside of, innermost first.
    pub(super) fn around(&self, call: &Call) -> impl Iterator<Item = usize> {
        let outer = move |number: &usize| self.calls[number].inside;
        iter::successors(call.inside, outer)
    }

    /// Whether it was called by a computation of the key that it asks for, or inside of that.
    pub(super) fn is_circle(&self, call: &Call) -> bool {
        let asked = |outer: &Computation| call.operation.computes(outer.key);
        let runs = |outer: &Computation| outer.began < call.began && outer.over > call.began;
        self.around(call).any(|around| {
            let mut computed = self.computations.iter();
            computed.any(|outer| outer.call == around && asked(outer) && runs(outer))
        })
    }

    /// The same, and the computation around it may have ended before, with its task left behind.
    pub(super) fn goes_round(&self, call: &Call) -> bool {
        self.around(call).any(|around| {
            let mut computed = self.computations.iter();
            computed.any(|outer| outer.call == around && call.operation.computes(outer.key))
        })
    }

    /// What a computation says of its result.
    pub(super) fn says(&self, computation: &Computation) -> Says {
        let origin = self.call_of(computation).operation.origin();
        origin.map_or(Says::Nothing, |origin| origin.says)
    }

    pub(super) fn release(&self, process: usize) -> usize {
        self.schedule.processes[process].release
    }

    /// Whether somebody wrote `key` between these moments, or may have.
    pub(super) fn was_written(
        &self,
        key: u8,
        process: Option<usize>,
        from: Moment,
        to: Moment,
    ) -> bool {
        self.calls.values().any(|call| {
            call.written(key).is_some()
                && process.is_none_or(|process| process == call.process)
                && call.began < to
                && call.over > from
        })
    }

    /// Whether a request failed, or its reply was lost, from a time on until a moment.
    pub(super) fn store_was_in_trouble(&self, from_ms: u64, to: Moment) -> bool {
        let before = &self.history[..to.index.min(self.history.len())];
        let since = before.iter().rev().take_while(|r| r.at_ms >= from_ms);
        since.map(|record| &record.event).any(|event| {
            matches!(
                event,
                Event::Store {
                    reply: Reply::Failed | Reply::Lost,
                    ..
                }
            )
        })
    }

    /// Whether a process went on so long after the store had given it the lead for `computation`.
    pub(super) fn was_told_late(&self, least: Duration, computation: &Computation) -> bool {
        let process = self.call_of(computation).process;
        let name = format!(":{}", computation.key);
        let before = self.history[..computation.began.index].iter().rev();
        let mut led = before.filter(|record| match &record.event {
            Event::Store {
                process: of,
                key,
                reply: Reply::Leads,
                ..
            } => *of == process && key.ends_with(&name),
            _ => false,
        });
        led.next()
            .is_some_and(|record| computation.began.at_ms - record.at_ms >= millis(least))
    }

    /// Whether the lead of `one` had ended when `two` began, for want of being renewed.
    pub(super) fn lead_had_ended(&self, one: &Computation, two: &Computation) -> bool {
        let process = self.call_of(one).process;
        let name = format!(":{}", one.key);
        let before = self.history[..two.began.index].iter().rev();
        let mut held = before.filter(|record| match &record.event {
            Event::Store {
                process: of,
                method,
                key,
                reply,
            } => {
                let renewed = *method == "renew" && *reply == Reply::Done;
                *of == process && key.ends_with(&name) && (renewed || *reply == Reply::Leads)
            }
            _ => false,
        });
        held.next()
            .is_some_and(|record| two.began.at_ms - record.at_ms >= HOLD_MS)
    }

    /// Whether so much time passed in one step.
    pub(super) fn time_jumped(&self, least: Duration, from: Moment, to: Moment) -> bool {
        let between = &self.history[from.index..to.index];
        between
            .iter()
            .any(|record| matches!(record.event, Event::Passed(duration) if duration >= least))
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).expect("a short time")
}
