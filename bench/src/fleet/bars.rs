//! What a scene has to show, beside that no rule is broken.

use std::time::Duration;

use cachekit_core::testkit::history::{History, Record};

use crate::bar;
use crate::fleet::kills::Kills;
use crate::fleet::run::Run;
use crate::fleet::scene::{Course, POLL};

/// Says of each bar of the scene whether it is met.
pub(super) fn print(run: &Run) {
    let tally = &run.findings.tally;
    match run.scene.course {
        Course::Steady { .. } => {
            let (made, allowed) = (tally.computations as f64, tally.allowed() as f64);
            bar::at_most("computations", made, allowed);
            if run.scene.loses_nodes {
                let excused = tally.reads_excused_by_node_loss as f64;
                let what = "old values that a loss excuses";
                bar::at_most(what, excused, 0.0);
            }
        }
        Course::Rounds { expired, .. } => {
            let ended = computations(&run.history).filter(|(_, ended)| ended.is_some());
            let values = run.scene.keys * if expired { 2 } else { 1 };
            let what = "computations that came to their end";
            bar::at_most(what, ended.count() as f64, values.into());
            last_callers(run);
        }
    }
}

/// How long the last caller waits.
fn last_callers(run: &Run) {
    let Some(times) = Times::of(&run.history) else {
        return println!("  nobody computed");
    };
    match run.scene.kills {
        Some(Kills::First(leaders)) => {
            let wait = (run.through.lease() + Duration::from_secs(1)) * leaders + POLL;
            let waited = times.answered.saturating_sub(times.first_killed);
            let waited = milliseconds(waited) - run.scene.origin.as_secs_f64() * 1e3;
            bar::at_most(
                "from the first leader to the last caller, less a computation, ms",
                waited,
                wait.as_secs_f64() * 1e3,
            );
        }
        _ => {
            let bar = run.scene.origin.mul_f64(1.25) + Duration::from_millis(20);
            let waited = times.answered.saturating_sub(times.last_ended);
            let what = "from the value to the last caller, ms";
            bar::at_most(what, milliseconds(waited), bar.as_secs_f64() * 1e3);
        }
    }
}

/// Moments of a run of rounds.
struct Times {
    /// When the first computation began that never ended; zero without one.
    first_killed: u64,
    /// When the last one ended.
    last_ended: u64,
    /// When the last caller had an answer who could not have had it before.
    answered: u64,
}

impl Times {
    fn of(history: &History) -> Option<Self> {
        let killed = computations(history).filter(|(_, ended)| ended.is_none());
        let last_ended = computations(history).filter_map(|(_, ended)| ended).max()?;
        let answered = history.records.iter().filter_map(|record| match *record {
            Record::Read { began, ended, .. } if began < last_ended => Some(ended),
            _ => None,
        });
        Some(Self {
            first_killed: killed.map(|(began, _)| began).min().unwrap_or_default(),
            last_ended,
            answered: answered.max()?,
        })
    }
}

/// When each began and ended.
fn computations(history: &History) -> impl Iterator<Item = (u64, Option<u64>)> {
    history.records.iter().filter_map(|record| match *record {
        Record::Computation { began, ended, .. } => Some((began, ended)),
        _ => None,
    })
}

fn milliseconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / 1e6
}
