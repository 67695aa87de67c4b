//! All contenders of a case, in rounds, in another order in each round, each in a process of its
//! own.

use std::process::Command;

use cachekit_memcached::testkit;

use crate::Failed;
use crate::cells::machine::{self, QUIET};
use crate::cells::options::Options;
use crate::cells::python::{self, Python};
use crate::cells::{FOREIGN, Figures};
use crate::memcached::cases::Case;
use crate::memcached::cell::Cell;
use crate::memcached::{Standing, servers};

/// As many rounds unless `--rounds` says so.
pub(super) const ROUNDS: usize = 5;
/// Of a trial, which takes many seconds.
pub(super) const TRIALS: usize = 3;
/// How often a sample is taken again that another program disturbed.
const TRIES: usize = 3;

#[derive(Debug)]
pub(super) struct Rounds<'a> {
    options: &'a Options,
    python: Option<Python>,
    taken: usize,
    dropped: usize,
    /// What went wrong, by contender.
    problems: Vec<String>,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(options: &'a Options, python: Option<Python>) -> Self {
        Self {
            options,
            python,
            taken: 0,
            dropped: 0,
            problems: Vec::new(),
        }
    }

    /// What all contenders of `case` come to, in their order.
    pub(super) fn of(&mut self, case: &Case) -> Result<Vec<Standing>, Failed> {
        let servers = servers::start(case.servers, case.place)?;
        for size in case.sizes() {
            servers::fill(&servers, size)?;
        }
        let (warm_up, measured) = seconds(self.options);
        let cell = |&who| Cell {
            who,
            place: case.place,
            work: case.work,
            servers: testkit::addresses(&servers),
            processes: servers.iter().map(testkit::Server::pid).collect(),
            warm_up,
            measured,
            quick: self.options.quick,
        };
        let cells: Vec<_> = case
            .contenders
            .iter()
            .copied()
            .flatten()
            .map(cell)
            .collect();
        let mut samples = vec![Vec::new(); cells.len()];
        let mut order: Vec<_> = (0..cells.len()).collect();
        let rounds = self
            .options
            .rounds(if case.is_trial() { TRIALS } else { ROUNDS });
        for round in 1..=rounds {
            eprintln!("{}: round {round} of {rounds}", case.name);
            fastrand::shuffle(&mut order);
            for &index in &order {
                samples[index].extend(self.quiet_sample(&cells[index]));
            }
        }
        let standings = cells.iter().zip(&samples);
        Ok(standings
            .filter_map(|(cell, samples)| Standing::of(cell.who, samples, case.is_trial()))
            .collect())
    }

    /// One that no other program disturbed, after a few tries.
    fn quiet_sample(&mut self, cell: &Cell) -> Option<Figures> {
        for _ in 0..TRIES {
            if !self.options.quick {
                machine::wait_for_quiet();
            }
            let figures = match self.sample(cell) {
                Ok(figures) => figures?,
                Err(problem) => {
                    let problem = format!("{}, {:?}: {problem}", cell.who.name(), cell.work);
                    self.problems.push(problem);
                    return None;
                }
            };
            self.taken += 1;
            let foreign = figures.get(FOREIGN).copied().unwrap_or(0.0);
            if foreign <= QUIET || self.options.quick {
                return Some(figures);
            }
            self.dropped += 1;
        }
        None
    }

    /// `None` for a client of Python, where there is none.
    fn sample(&self, cell: &Cell) -> Result<Option<Figures>, Failed> {
        if cell.who.is_python() {
            let python = self.python.as_ref();
            return python.map(|python| python.run(cell)).transpose();
        }
        let mut process = Command::new(std::env::current_exe()?);
        process.args(["cell", &serde_json::to_string(cell)?]);
        let figures = python::run(&mut process)?;
        Ok(Some(serde_json::from_str(&figures)?))
    }

    /// How many samples were dropped, and what went wrong.
    pub(super) fn summary(&self) -> String {
        let Self { taken, dropped, .. } = self;
        let dropped = format!(
            "{dropped} of {taken} samples were dropped: other programs had over {QUIET} cores"
        );
        let problems = self
            .problems
            .iter()
            .map(|problem| format!("failed: {problem}"));
        problems.chain([dropped]).collect::<Vec<_>>().join("\n")
    }
}

/// Seconds of a cell before it counts, and while it does.
pub(super) const fn seconds(options: &Options) -> (f64, f64) {
    if options.quick {
        (0.02, 0.05)
    } else {
        (0.12, 0.4)
    }
}
